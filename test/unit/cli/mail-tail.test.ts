/** Following a bucket: every new message once, however late it is stored. */
import { expect, test } from 'vitest'
import { arrivals } from '../../../src/cli/mail-tail.ts'
import type { ReadableStore } from '../../../src/store/object-store.ts'
import { idOf, storeMessage, temporaryStore } from '../client/support.ts'

/** Follows a store; before each look one of `steps` is done. */
async function follow(store: ReadableStore, steps: (() => Promise<unknown>)[], prefix = '') {
  const errors: unknown[] = []
  const wait = async (): Promise<boolean> => {
    const step = steps.shift()
    await step?.()
    return step !== undefined
  }
  const report = (error: unknown): void => void errors.push(error)
  const seen = await Array.fromAsync(arrivals(store, { prefix, wait, report }))
  return { keys: seen.map(({ key }) => key), errors }
}

test('only what is new is shown, once, and below the prefix', async () => {
  const { store } = temporaryStore()
  await storeMessage(store, 'old', { id: idOf(5) })
  const { keys, errors } = await follow(store, [
    async () => {},
    () => storeMessage(store, 'x', { id: idOf(6) }),
    async () => {},
    // Received before the others, stored after them: its first deliveries failed.
    () => storeMessage(store, 'x', { id: idOf(1) }),
  ])
  expect(keys).toEqual([idOf(6), idOf(1)])
  expect(errors).toEqual([])
  const below = await follow(
    store,
    [
      () => storeMessage(store, 'x', { id: idOf(7) }),
      () => storeMessage(store, 'x', { id: idOf(7), prefix: 'a/' }),
    ],
    'a/',
  )
  expect(below.keys).toEqual([`a/${idOf(7)}`])
})

test('what is no message is passed over', async () => {
  const { store } = temporaryStore()
  async function* nothing() {}
  const options = { length: 0, contentType: 'text/plain', metadata: {} }
  const { keys } = await follow(store, [() => store.put('notes.txt', nothing(), options)])
  expect(keys).toEqual([])
})

test('a look that fails is reported, and the next one leaves nothing out', async () => {
  const { store } = temporaryStore()
  let failing = false
  const flaky: ReadableStore = {
    ...store,
    async head(key) {
      if (failing && key === idOf(2)) throw new Error('the network is down')
      return store.head(key)
    },
  }
  const { keys, errors } = await follow(flaky, [
    async () => {
      failing = true
      for (const n of [1, 2, 3]) await storeMessage(store, 'x', { id: idOf(n) })
    },
    async () => {
      failing = false
    },
    async () => {},
  ])
  expect(keys).toEqual([idOf(1), idOf(2), idOf(3)])
  expect(errors).toHaveLength(1)
})
