/** What every object store must do when an object is replaced; a part of objectStoreSuite. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { ObjectStore, Replacement } from '../../src/store/object-store.ts'
import * as of from './content.ts'

/** Above what any store sends in one piece. */
const LARGE = 8 * 1024 * 1024 + 1
const sizes = [0, 5, LARGE]
const hostile = ['a/b', 'pl+us sp ace', '%2F', 'ü/日本', '..', 'q?q#h&a=b', 'f/', 'x'.repeat(300)]

export function replacingSuite(name: string, makeStore: () => Promise<ObjectStore>): void {
  describe(`${name}, where an object is replaced`, () => {
    let store: ObjectStore
    beforeEach(async () => {
      store = await makeStore()
    })

    const put = async (size: number, key = 'key', seed = 1) => {
      await store.put(
        key,
        of.content(size, seed),
        of.described(size, { seed: `${seed}`, old: 'y' }),
      )
      return versionOf(key)
    }
    const versionOf = async (key = 'key') => (await store.head(key))?.version ?? 'none'
    const seeded = (size: number, seed: number): Replacement => ({
      contentType: 'a/new',
      metadata: { seed: `${seed}` },
      content: { body: of.content(size, seed), length: size },
    })
    const metadataOnly = { contentType: 'a/new', metadata: { seed: '1', new: 'Z "1"; a=b' } }
    /** That content and metadata are of this seed, in every way to look. */
    const expectSeed = async (size: number, seed: number, key = 'key') => {
      const info = await store.head(key)
      const opened = await store.get(key)
      expect(opened?.info).toEqual(info)
      expect(info).toMatchObject({ size, metadata: { seed: `${seed}` } })
      const digest = await of.digestOf(opened?.body ?? of.chunks())
      expect(digest).toBe(await of.digestOf(of.content(size, seed)))
      const listed = (await of.all(store.list())).find((each) => each.key === key)
      expect(listed?.size).toBe(size)
    }

    test.for(sizes)('has the new content with the new metadata (%i octets)', async (size) => {
      const version = await put(5)
      expect(await store.replace('key', seeded(size, 2), version)).toBe('replaced')
      await expectSeed(size, 2)
      expect(await store.head('key')).toMatchObject({ contentType: 'a/new' })
      expect((await store.head('key'))?.metadata['old']).toBeUndefined()
    })

    test.for(sizes)('keeps the content when the metadata is replaced (%i octets)', async (size) => {
      const version = await put(size)
      expect(await store.replace('key', metadataOnly, version)).toBe('replaced')
      await expectSeed(size, 1)
      expect(await store.head('key')).toMatchObject(metadataOnly)
      expect((await store.head('key'))?.metadata['old']).toBeUndefined()
    })

    test('can be replaced again and again, and deleted, whatever its key', async () => {
      for (const key of hostile) {
        await put(5, key)
        expect(await store.replace(key, metadataOnly, await versionOf(key)), key).toBe('replaced')
        expect(await store.replace(key, seeded(9, 2), await versionOf(key)), key).toBe('replaced')
        expect(await store.replace(key, seeded(7, 3), await versionOf(key)), key).toBe('replaced')
        await expectSeed(7, 3, key)
        await store.delete(key)
        expect(await store.head(key)).toBeUndefined()
      }
      expect(await of.all(store.list())).toEqual([])
    })

    test.for(sizes)('leaves what is not the object that was read (%i octets)', async (size) => {
      const version = await put(6)
      await store.replace('key', seeded(5, 2), version)
      expect(await store.replace('key', seeded(size, 3), version)).toBe('changed')
      expect(await store.replace('key', metadataOnly, version)).toBe('changed')
      await expectSeed(5, 2)
      expect((await store.head('key'))?.metadata['new']).toBeUndefined()
    })

    test('makes no object where none is (any more)', async () => {
      const version = await put(5)
      await store.delete('key')
      for (const by of [() => seeded(5, 2), () => seeded(LARGE, 2), () => metadataOnly]) {
        expect(await store.replace('key', by(), version)).toBe('changed')
        expect(await store.replace('never/was', by(), version)).toBe('changed')
      }
      expect(await of.all(store.list())).toEqual([])
    })

    test.for([10, LARGE])(
      'leaves the old object when the source throws (%i octets)',
      async (length) => {
        const version = await put(5)
        const error = new Error('a chunk fails its check')
        const body = of.failing(length - 1, error)
        const replaced = store.replace(
          'key',
          { ...metadataOnly, content: { body, length } },
          version,
        )
        await expect(replaced).rejects.toBe(error)
        await expectSeed(5, 1)
        expect(await versionOf()).toBe(version)
      },
    )

    test.for([
      [10, 9],
      [10, 11],
      [LARGE, LARGE - 1],
      [LARGE, LARGE + 1],
    ] as const)('leaves it when %i octets are announced and %i come', async ([length, given]) => {
      const version = await put(5)
      const content = { body: of.content(given, 2), length }
      await expect(store.replace('key', { ...metadataOnly, content }, version)).rejects.toThrow(
        /octets/,
      )
      await expectSeed(5, 1)
    })

    test('gives a body that was begun before to its end', async () => {
      const version = await put(LARGE)
      const opened = await store.get('key')
      const digest = of.digestOf(opened?.body ?? of.chunks())
      await store.replace('key', seeded(5, 2), version)
      expect(await digest).toBe(await of.digestOf(of.content(LARGE, 1)))
    })

    test('has one winner of eight, and readers see the old or the new, never a mix', async () => {
      const size = 50_000
      const version = await put(size, 'key', 9)
      const seen = new Set<string>()
      let over = false
      const look = async () => {
        while (!over) {
          const opened = await store.get('key')
          const seed = Number(opened?.info.metadata['seed'])
          const digest = await of.digestOf(opened?.body ?? of.chunks())
          expect(digest).toBe(await of.digestOf(of.content(size, seed)))
          seen.add(`${seed}`)
        }
      }
      const readers = [look(), look()]
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, seed) => store.replace('key', seeded(size, seed), version)),
      )
      over = true
      await Promise.all(readers)
      expect(outcomes.filter((each) => each === 'replaced')).toHaveLength(1)
      const winner = outcomes.indexOf('replaced')
      await expectSeed(size, winner)
      expect([...seen].every((each) => each === '9' || each === `${winner}`)).toBe(true)
    })
  })
}
