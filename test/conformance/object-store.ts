/** What every object store must do, whatever keeps the objects: src/store/object-store.ts in tests. */
import { beforeEach, describe, expect, test } from 'vitest'
import type { ObjectStore } from '../../src/store/object-store.ts'
import * as of from './content.ts'
import { listingSuite } from './object-store-listing.ts'
import { refusalSuite } from './object-store-refusals.ts'
import { replacingSuite } from './object-store-replacing.ts'

const KIB = 1024
const MIB = 1024 * KIB
/** Stores hold small objects whole and stream larger ones; the limit is theirs, this is above all. */
const LARGE = 8 * MIB + 1
/** One part of 8 MiB is held, and what is on its way. */
const MEMORY_LIMIT = 16 * MIB

const sizes = [
  [0, 'nothing'],
  [1, 'one octet'],
  [64 * KIB, 'one chunk'],
  [8 * MIB - 1, 'just below what s3.ts sends in one request'],
  [8 * MIB, 'just what s3.ts sends in one request'],
  [LARGE, 'one octet in a second part'],
] as const

export function objectStoreSuite(name: string, makeStore: () => Promise<ObjectStore>): void {
  describe(name, () => {
    let store: ObjectStore
    beforeEach(async () => {
      store = await makeStore()
    })

    test.for(sizes)('gives back %i octets as they were put (%s)', async ([size]) => {
      expect(await store.put('in/box', of.content(size), of.described(size))).toBe('stored')
      expect(await store.head('in/box')).toMatchObject({ key: 'in/box', size })
      const opened = await store.get('in/box')
      expect(opened?.info.size).toBe(size)
      expect(await of.digestOf(opened?.body ?? of.chunks())).toBe(
        await of.digestOf(of.content(size)),
      )
    })

    test('streams 40 MB both ways in bounded memory', async () => {
      const size = 40_000_000
      const before = of.liveOctets()
      let peak = 0
      const note = (octets: number) => {
        peak = Math.max(peak, octets - before)
      }
      await store.put('large', of.metered(of.content(size), note), of.described(size))
      expect(peak).toBeLessThan(MEMORY_LIMIT)
      const opened = await store.get('large')
      const digest = await of.digestOf(of.metered(opened?.body ?? of.chunks(), note))
      expect(digest).toBe(await of.digestOf(of.content(size)))
      expect(peak).toBeLessThan(MEMORY_LIMIT)
    })

    test.for([1, LARGE])('keeps content type and metadata of %i octets', async (length) => {
      const metadata = { 'postern-id': 'abc', 'Postern-Rule': 'Rule "1"; a=b' }
      const options = { length, contentType: 'message/rfc822', metadata }
      const start = Date.now()
      await store.put('key', of.content(length), options)
      const info = await store.head('key')
      expect(info).toMatchObject({
        contentType: 'message/rfc822',
        metadata: { 'postern-id': 'abc', 'postern-rule': 'Rule "1"; a=b' },
      })
      expect(Math.abs((info?.time.getTime() ?? 0) - start)).toBeLessThan(60_000)
      const opened = await store.get('key')
      opened?.cancel()
      expect(opened?.info).toEqual(info)
    })

    test('has nothing where nothing was put, and removes it without complaint', async () => {
      expect(await store.head('none')).toBeUndefined()
      expect(await store.get('none/below')).toBeUndefined()
      await store.delete('none')
      await store.delete('none/below')
    })

    test('has nothing where an object was deleted, and takes another there', async () => {
      await store.put('a/b', of.textBody('first'), of.described(5))
      await store.delete('a/b')
      expect(await store.get('a/b')).toBeUndefined()
      expect(await of.all(store.list())).toEqual([])
      expect(await store.put('a/b', of.textBody('2nd'), of.described(3))).toBe('stored')
      expect(`${await of.bytesOf(await store.get('a/b'))}`).toBe('2nd')
    })

    test.for([5, LARGE])(
      'leaves an object as it is when its key is put again (%i octets)',
      async (size) => {
        const metadata = { 'postern-id': 'm1', made: 'first' }
        await store.put('key', of.content(size, 1), of.described(size, metadata))
        const again = of.described(size, { 'postern-id': 'm1', made: 'second' })
        expect(await store.put('key', of.content(size, 2), again)).toBe('existed')
        const opened = await store.get('key')
        expect(opened?.info.metadata['made']).toBe('first')
        expect(await of.digestOf(opened?.body ?? of.chunks())).toBe(
          await of.digestOf(of.content(size, 1)),
        )
      },
    )

    test('stores one of eight racing puts, whole, with its own metadata', async () => {
      const size = 100 * KIB
      const outcomes = await Promise.all(
        Array.from({ length: 8 }, (_, seed) =>
          store.put('key', of.content(size, seed), of.described(size, { seed: `${seed}` })),
        ),
      )
      expect(outcomes.filter((each) => each === 'stored')).toHaveLength(1)
      const winner = outcomes.indexOf('stored')
      const opened = await store.get('key')
      expect(opened?.info.metadata['seed']).toBe(`${winner}`)
      expect(await of.digestOf(opened?.body ?? of.chunks())).toBe(
        await of.digestOf(of.content(size, winner)),
      )
    })

    test('lets go of bodies that are cancelled or not read to the end', async () => {
      await store.put('key', of.content(MIB), of.described(MIB))
      // More than a client has connections: one that is kept makes a later get wait for ever.
      for (let round = 0; round < 60; round++) {
        const unread = await store.get('key')
        unread?.cancel()
        const begun = await store.get('key')
        for await (const _ of begun?.body ?? of.chunks()) break
      }
      expect((await of.bytesOf(await store.get('key')))?.length).toBe(MIB)
    })
  })
  refusalSuite(name, makeStore)
  replacingSuite(name, makeStore)
  listingSuite(name, makeStore)
}
