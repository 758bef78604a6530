/** What a mailbox lists, in which order, at what cost, and how it lets go of the store. */
import { mkdir, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { dirStore, failed, openMailbox, passed } from '../../../src/client/index.ts'
import type { ObjectStore, ReadableStore } from '../../../src/store/object-store.ts'
import {
  expectRefusal,
  idOf,
  judged,
  key,
  pieces,
  refusalOf,
  storeMessage,
  temporaryStore,
  time,
} from './support.ts'

async function keysOf(store: ReadableStore, options = {}): Promise<string[]> {
  const items = await Array.fromAsync(openMailbox({ store }).list(options))
  return items.map((item) => item.key)
}

async function stranger(store: ObjectStore, at: string): Promise<void> {
  const length = 3
  await store.put(at, pieces(Buffer.from('abc'), 1), {
    length,
    contentType: 'text/plain',
    metadata: {},
  })
}

test('an item is exactly what the metadata says', async () => {
  const { path, store } = temporaryStore()
  await storeMessage(store, 'Subject: x\r\n\r\n', { verdicts: judged, prefix: 'support/' })
  const [item] = await Array.fromAsync(openMailbox({ store: dirStore(path) }).list())
  expect(item).toEqual({
    id: idOf(1),
    key: `support/${idOf(1)}`,
    time,
    size: 14,
    verdicts: {
      spf: 'PASS',
      dkim: 'GRAY',
      dmarc: 'FAIL',
      spam: 'PROCESSING_FAILED',
      virus: 'DISABLED',
      dmarcPolicy: 'reject',
    },
  })
})

test('a listing is by key, whatever the order in which look-ups are answered', async () => {
  const { store } = temporaryStore()
  for (let n = 40; n > 0; n -= 1) await storeMessage(store, `${n}`, { id: idOf(n) })
  let underWay = 0
  let most = 0
  const held: (() => void)[] = []
  const slow: ReadableStore = {
    ...store,
    async head(at) {
      underWay += 1
      most = Math.max(most, underWay)
      const info = await store.head(at)
      await new Promise<void>((resolve) => {
        held.push(resolve)
        // The last that asked is answered first; those that nobody follows are not kept waiting for more.
        if (held.length === 8 || held.length === underWay)
          for (const each of held.splice(0).reverse()) each()
      })
      underWay -= 1
      return info
    },
  }
  const expected = Array.from({ length: 40 }, (_, n) => idOf(n + 1))
  expect(await keysOf(slow)).toEqual(expected)
  expect(most).toBeLessThanOrEqual(16)
  expect(most).toBeGreaterThan(1)
})

test('a listing downloads nothing and passes over what is not ours', async () => {
  const { path, store } = temporaryStore()
  await storeMessage(store, 'a', { id: idOf(1), prefix: 'x/' })
  await stranger(store, 'x/AMAZON_SES_SETUP_NOTIFICATION')
  await stranger(store, idOf(3))
  await mkdir(join(path, 'y'))
  await writeFile(join(path, 'y', 'notes.txt'), 'a file of the user')
  const get = () => Promise.reject(new Error('downloaded'))
  expect(await keysOf({ ...store, get })).toEqual([`x/${idOf(1)}`])
})

test('an object that is removed while it is listed is passed over', async () => {
  const { store } = temporaryStore()
  await storeMessage(store, 'a', { id: idOf(1) })
  await storeMessage(store, 'b', { id: idOf(2) })
  const head: ReadableStore['head'] = async (at) =>
    at === idOf(1) ? undefined : await store.head(at)
  expect(await keysOf({ ...store, head })).toEqual([idOf(2)])
})

test('a look-up that fails ends the listing in its turn', async () => {
  const { store } = temporaryStore()
  for (const n of [1, 2, 3]) await storeMessage(store, 'a', { id: idOf(n) })
  const head: ReadableStore['head'] = async (at) => {
    if (at === idOf(2)) throw new Error('the network is down')
    return store.head(at)
  }
  const seen: string[] = []
  const listing = async () => {
    for await (const item of openMailbox({ store: { ...store, head } }).list()) seen.push(item.id)
  }
  await expect(listing()).rejects.toThrow('the network is down')
  expect(seen).toEqual([idOf(1)])
})

test('after takes a key, or an id where that tells a place', async () => {
  const { store } = temporaryStore()
  for (const n of [1, 2, 3]) {
    await storeMessage(store, 'a', { id: idOf(n) })
    await storeMessage(store, 'b', { id: idOf(n), prefix: 'support/' })
  }
  const below = [`support/${idOf(2)}`, `support/${idOf(3)}`]
  const prefix = 'support/'
  expect(await keysOf(store, { prefix, after: `support/${idOf(1)}` })).toEqual(below)
  expect(await keysOf(store, { prefix, after: idOf(1) })).toEqual(below)
  expect(await keysOf(store, { after: idOf(2) })).toEqual([idOf(3), `support/${idOf(1)}`, ...below])
  await expectRefusal(keysOf(store, { prefix: 'supp', after: idOf(1) }), 'bad-after')
})

test('metadata that lies never reads as a pass, and is refused when the message is opened', async () => {
  const { store } = temporaryStore()
  await store.put('a', pieces(Buffer.from('abc'), 1), {
    length: 3,
    contentType: 'application/octet-stream',
    metadata: {
      'postern-id': 'a',
      'postern-spf': 'pass',
      'postern-time': 'now',
      'postern-size': '-1',
    },
  })
  const mailbox = openMailbox({ store, keys: [key] })
  const [item] = await Array.fromAsync(mailbox.list())
  const verdict = 'PROCESSING_FAILED'
  expect(item).toMatchObject({
    size: 3,
    verdicts: { spf: verdict, dkim: verdict, dmarc: verdict, spam: verdict, virus: verdict },
  })
  expect(new Date(item?.time ?? '').getTime()).toBeGreaterThan(0)
  await expectRefusal(mailbox.get('a'), 'not-postern')
})

test('a key that is not there is told', async () => {
  const { store } = temporaryStore()
  const error = await refusalOf(openMailbox({ store }).get('no\u001b[2Jwhere'))
  expect(error.reason).toBe('not-found')
  expect(error.message).toContain('no\\u001b[2Jwhere')
})

test('get refuses what is too large by naming stream', async () => {
  const { store } = temporaryStore()
  const at = await storeMessage(store, Buffer.alloc(100))
  const mailbox = openMailbox({ store, keys: [key] })
  await expectRefusal(mailbox.get(at, { maxBytes: 99 }), 'too-large')
  await expect(mailbox.get(at, { maxBytes: 99 })).rejects.toThrow('stream()')
  expect((await mailbox.get(at, { maxBytes: 100 })).original.length).toBe(100)
})

test('every way out lets go of the store', async () => {
  const { store } = temporaryStore()
  const at = await storeMessage(store, Buffer.alloc(1_000_000, 'x\r\n'))
  let open = 0
  const counting: ReadableStore = {
    ...store,
    async get(wanted) {
      const object = await store.get(wanted)
      if (object === undefined) return undefined
      open += 1
      let cancelled = false
      const cancel = (): void => {
        if (!cancelled) open -= 1
        cancelled = true
        object.cancel()
      }
      return { ...object, cancel }
    },
  }
  const mailbox = openMailbox({ store: counting, keys: [key] })
  await mailbox.get(at)
  await expectRefusal(mailbox.get(at, { maxBytes: 1 }), 'too-large')
  await expectRefusal(openMailbox({ store: counting }).get(at), 'wrong-key')
  await (await mailbox.stream(at)).cancel()
  for await (const _ of (await mailbox.stream(at)).original) break
  for await (const _ of (await mailbox.stream(at)).original) {
    // To the end.
  }
  expect(open).toBe(0)
})

test('a stream holds a piece of the message, not the message', async () => {
  const { store } = temporaryStore()
  const at = await storeMessage(store, Buffer.alloc(5_000_000, 'x'))
  let longest = 0
  for await (const piece of (await openMailbox({ store, keys: [key] }).stream(at)).original) {
    longest = Math.max(longest, piece.length)
  }
  expect(longest).toBeLessThanOrEqual(65536)
})

test('what the store throws passes through', async () => {
  const { store } = temporaryStore()
  const at = await storeMessage(store, Buffer.alloc(500_000))
  const failing: ReadableStore = {
    ...store,
    async get(wanted) {
      const object = await store.get(wanted)
      if (object === undefined) return undefined
      async function* body() {
        for await (const piece of object?.body ?? []) {
          yield piece
          throw new Error('the connection was reset')
        }
      }
      return { ...object, body: body() }
    },
  }
  const mailbox = openMailbox({ store: failing, keys: [key] })
  await expect(mailbox.get(at)).rejects.toThrow('the connection was reset')
})

test('only PASS is good and only FAIL is bad', () => {
  const words = ['PASS', 'FAIL', 'GRAY', 'PROCESSING_FAILED', 'DISABLED'] as const
  expect(words.filter((word) => passed(word))).toEqual(['PASS'])
  expect(words.filter((word) => failed({ verdict: word }))).toEqual(['FAIL'])
})
