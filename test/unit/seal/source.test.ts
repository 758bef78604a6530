/** What sealing and opening do with the stream they read: no more than needed, and never left open. */
import { Readable } from 'node:stream'
import { expect, test } from 'vitest'
import { open, seal } from '../../../src/seal/envelope.ts'
import { collect, cut, first, message, publicKeys, sealWhole } from './support.ts'

type Watched = { released: boolean; pulled: number }

async function* watched(bytes: Uint8Array, size: number, state: Watched) {
  try {
    for await (const piece of cut(bytes, [size])) {
      state.pulled += piece.length
      yield piece
    }
  } finally {
    state.released = true
  }
}

test('the source is let go of when the consumer of a sealing stream stops early', async () => {
  const state = { released: false, pulled: 0 }
  for await (const _ of seal(watched(message(500_000), 1000, state), publicKeys)) break
  expect(state.released).toBe(true)
})

test('the source is let go of when the consumer of an opening stream stops early', async () => {
  const state = { released: false, pulled: 0 }
  const sealed = await sealWhole(message(500_000))
  for await (const _ of open(watched(sealed, 1000, state), [first])) break
  expect(state).toMatchObject({ released: true })
  expect(state.pulled).toBeLessThan(70_000)
})

test('the source is let go of when it is refused', async () => {
  const state = { released: false, pulled: 0 }
  await expect(collect(open(watched(message(500_000), 1000, state), [first]))).rejects.toThrow()
  expect(state).toEqual({ released: true, pulled: 1000 })
})

test('the source is let go of when it is a Node stream that nothing was read from yet', async () => {
  const source = Readable.from([message(10)])
  await expect(collect(seal(source, []))).rejects.toMatchObject({ reason: 'no-keys' })
  expect(source.destroyed).toBe(true)
})

test('the source may fail: its error passes through both ways, as it is', async () => {
  const failure = new Error('the disk is gone')
  async function* failing(bytes: Uint8Array) {
    yield* cut(bytes, [1000])
    throw failure
  }
  await expect(collect(seal(failing(message(70_000)), publicKeys))).rejects.toBe(failure)
  const sealed = await sealWhole(message(70_000))
  await expect(collect(open(failing(sealed), [first]))).rejects.toBe(failure)
})

test('the source may fail to close without hiding why it was refused', async () => {
  const source = {
    [Symbol.asyncIterator]: () => ({
      next: async () => ({ done: false as const, value: message(100) }),
      return: () => Promise.reject(new Error('cannot close')),
    }),
  }
  await expect(collect(open(source, [first]))).rejects.toMatchObject({ reason: 'bad-magic' })
})

test.for([
  ['one chunk', undefined, [2, 3, 4, 5]],
  ['four chunks where the length is known, and then to the end,', 8.5 * 65536, [5, 9, 9]],
] as const)(
  'the source is read one chunk ahead of what comes out, %s at once, no further',
  async ([, length, expected]) => {
    const state = { released: false, pulled: 0 }
    const source = watched(message(length ?? 1_000_000), 65536, state)
    const stream = seal(source, publicKeys, { length })
    const ahead: number[] = []
    for (const _ of expected) {
      await stream.next()
      ahead.push(Math.ceil(state.pulled / 65536))
    }
    await stream.return(undefined)
    expect(ahead).toEqual(expected)
  },
)

test.for([0, 99, 101, 65536, 300_000])(
  'a message of 100 octets is not sealed as one of %i, and its source is let go of',
  async (length) => {
    const state = { released: false, pulled: 0 }
    const sealing = collect(seal(watched(message(100), 60, state), publicKeys, { length }))
    await expect(sealing).rejects.toThrow(`has not the ${length} octets announced`)
    expect(state.released).toBe(true)
  },
)
