/** When every object store must store nothing, and say so; a part of objectStoreSuite. */
import { beforeEach, describe, expect, test } from 'vitest'
import { PermanentError } from '../../src/errors.ts'
import type { ObjectStore } from '../../src/store/object-store.ts'
import * as of from './content.ts'

/** Above what any store sends in one piece. */
const LARGE = 8 * 1024 * 1024 + 1

export function refusalSuite(name: string, makeStore: () => Promise<ObjectStore>): void {
  describe(`${name}, given what it cannot store`, () => {
    let store: ObjectStore
    beforeEach(async () => {
      store = await makeStore()
    })

    test.for([5, LARGE])(
      'refuses for good a key where another message is (%i octets)',
      async (size) => {
        await store.put('key', of.content(size, 1), of.described(size, { 'postern-id': 'm1' }))
        const other = store.put(
          'key',
          of.content(size, 2),
          of.described(size, { 'postern-id': 'm2' }),
        )
        await expect(other).rejects.toThrow(PermanentError)
        await expect(other).rejects.toThrow(/key .*m2/)
        expect((await store.head('key'))?.metadata['postern-id']).toBe('m1')
      },
    )

    const lies = [
      [0, 1],
      [10, 9],
      [10, 11],
      [LARGE, LARGE - 1],
      [LARGE, LARGE + 1],
      [2 * LARGE, 10],
    ] as const
    test.for(lies)(
      'stores nothing when %i octets are announced and %i come',
      async ([length, given]) => {
        await expect(store.put('key', of.content(given), of.described(length))).rejects.toThrow(
          /octets/,
        )
        expect(await store.head('key')).toBeUndefined()
        expect(await of.all(store.list())).toEqual([])
      },
    )

    test.for([10, 3 * LARGE])(
      'stores nothing and throws what the source threw (%i octets)',
      async (length) => {
        const error = new PermanentError('the spool is damaged')
        const put = store.put('key', of.failing(length / 2, error), of.described(length))
        await expect(put).rejects.toBe(error)
        expect(await store.head('key')).toBeUndefined()
        expect(await of.all(store.list())).toEqual([])
      },
    )

    const impossible = ['', 'x'.repeat(1025), 'ü'.repeat(513), 'lone \ud800']
    test.for(impossible)('refuses for good what cannot be a key: %j', async (key) => {
      await expect(store.put(key, of.textBody('x'), of.described(1))).rejects.toThrow(
        PermanentError,
      )
      expect(await store.head(key)).toBeUndefined()
      expect(await store.get(key)).toBeUndefined()
    })
  })
}
