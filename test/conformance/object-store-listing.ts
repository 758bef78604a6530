/** What every object store must do when it is listed; a part of objectStoreSuite. */
import { beforeAll, describe, expect, test } from 'vitest'
import type { ObjectStore } from '../../src/store/object-store.ts'
import { all, bytesOf, described, textBody } from './content.ts'

/** Anything S3 takes; every one has tripped some file system, URL parser or XML parser. */
const hostile = [
  ...['plain', 'a.b', 'a/b', 'a!b', 'ab', '.hidden', 'k.metadata.json', 'k', 'j.metadata.json/x'],
  ...['/lead', '//two', 's//t', 'f/', 'f/g', 'f//h', '/', '//'],
  ...['.', '..', 'x/./y', 'x/../y', 'x/..z', '...', '/../../etc/passwd', 'y/../../../up'],
  ...['%', '%2F', '%2f', '100%', '%tmp/x', '%empty', 'pl+us', 'sp ace', ' lead', 'trail '],
  ...['q?q#h&a=b;c', 'back\\slash', '"<>`|*:', '$(id)', '-rf', '~', 'CON', 'nul.txt'],
  ...[
    'tab\tnl\ncr\r',
    '\u0001',
    '\u007f',
    'ü',
    'u\u0308',
    'é/ü',
    '日本',
    '😀',
    '\uffff',
    'A',
    'a-z',
  ],
  ...['x'.repeat(300), `${'x'.repeat(301)}/y`, `${'x'.repeat(239)}/z`, `${'x'.repeat(239)}!`],
  ...['x'.repeat(239), `${'x'.repeat(239)}0`, `${'x'.repeat(239)}..`, `${'x'.repeat(300)}.`],
  ...['ü'.repeat(400), `${'w'.repeat(250)}.metadata.json`, 'z'.repeat(1024)],
]
const prefixes = [
  ...[
    '',
    'a',
    'a/',
    'a/b',
    'a/b/',
    'x',
    'x/',
    'x/.',
    '/',
    '//',
    'k.m',
    'f/',
    '%',
    'nothing',
    '\u00fc',
  ],
  ...['x'.repeat(239), 'x'.repeat(260), 'ü'.repeat(100), 'w'.repeat(245)],
]
const places = [
  ...['', '/', 'a', 'a.', 'a.b', 'a/b', 'f', 'f/', 'x/..', '\uffff', '😀'],
  ...['x'.repeat(238), 'x'.repeat(239), 'x'.repeat(250), `${'x'.repeat(239)}/`],
]
const byOctets = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const MANY = 1100

export function listingSuite(name: string, makeStore: () => Promise<ObjectStore>): void {
  const put = (store: ObjectStore, key: string) =>
    store.put(key, textBody(key), described(Buffer.byteLength(key)))
  const listed = async (store: ObjectStore, options?: { prefix?: string; after?: string }) =>
    (await all(store.list(options))).map((each) => each.key)

  describe(`${name}, listed`, () => {
    let store: ObjectStore
    beforeAll(async () => {
      store = await makeStore()
      for (const key of hostile) expect(await put(store, key)).toBe('stored')
    })

    test('gives every key as it was put, in the order of their octets', async () => {
      expect(await listed(store)).toEqual(hostile.toSorted(byOctets))
    })

    test('has its own object at every key', async () => {
      for (const key of hostile) expect(`${await bytesOf(await store.get(key))}`).toBe(key)
    })

    test('gives size and time as head does', async () => {
      for await (const each of store.list({ prefix: 'a' })) {
        const info = await store.head(each.key)
        // A listing of S3 has milliseconds, the header of an object whole seconds.
        expect(Math.abs((info?.time.getTime() ?? 0) - each.time.getTime())).toBeLessThan(1000)
        expect(info?.size).toBe(each.size)
      }
    })

    test('gives just the keys that start with a prefix', async () => {
      for (const prefix of prefixes) {
        const expected = hostile.filter((key) => key.startsWith(prefix)).toSorted(byOctets)
        expect(await listed(store, { prefix }), prefix).toEqual(expected)
      }
    })

    test('gives just the keys after another, there or not', async () => {
      for (const after of places) {
        const expected = hostile.filter((key) => byOctets(key, after) > 0).toSorted(byOctets)
        expect(await listed(store, { after }), after).toEqual(expected)
        const below = expected.filter((key) => key.startsWith('x'))
        expect(await listed(store, { after, prefix: 'x' }), after).toEqual(below)
      }
    })

    test('is empty when nothing was put', async () => {
      expect(await listed(await makeStore())).toEqual([])
    })

    test(`goes on after the first thousand, and from any of ${MANY} keys`, async () => {
      const many = await makeStore()
      const keys = Array.from(
        { length: MANY },
        (_, at) => `in${at % 3}/${`${at}`.padStart(5, '0')}`,
      )
      const waiting = keys.values()
      const worker = async () => {
        for (const key of waiting) await put(many, key)
      }
      await Promise.all(Array.from({ length: 8 }, worker))
      const expected = keys.toSorted(byOctets)
      expect(await listed(many)).toEqual(expected)
      expect(await listed(many, { after: expected[1050] ?? '' })).toEqual(expected.slice(1051))
      const [first] = await all(take(many.list({ prefix: 'in1/' }), 1))
      expect(first?.key).toBe('in1/00001')
    })
  })
}

async function* take<T>(source: AsyncIterable<T>, count: number): AsyncGenerator<T> {
  let left = count
  for await (const each of source) {
    yield each
    if (--left === 0) return
  }
}
