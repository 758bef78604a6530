/** Keys of objects in a real S3 are changed: large envelopes in parts, data keys by a copy of metadata alone. */
import { afterAll, expect, inject, test } from 'vitest'
import { rewrap, rewrapAll } from '../../src/rewrap/rewrap.ts'
import { s3ObjectStore } from '../../src/store/s3.ts'
import { all } from '../conformance/content.ts'
import { cephClient, newBucket } from '../support/ceph.ts'
import {
  changeOf,
  index,
  nacl,
  putEnvelope,
  putS3ec,
  rsaPair,
  textBy,
} from '../unit/rewrap/support.ts'

const client = cephClient(inject('ceph'))
afterAll(() => client.destroy())

const [old, next] = [nacl(1), nacl(2)]
const [rsaOld, rsaNew] = [rsaPair(), rsaPair()]
const small = 'Subject: x\r\n\r\nhello\r\n'
/** Above what is uploaded in one piece. */
const large = small.repeat(450_000)

test('every envelope below a prefix, small and large, is opened by the new key alone', async () => {
  const store = s3ObjectStore({ client, bucket: await newBucket(client) })
  for (const [key, text] of [
    ['in/large', large],
    ['in/small', small],
    ['in/pl+us ü', small],
    ['out/m', small],
  ] as const)
    await putEnvelope(store, key, text, [old])
  const outcomes = await all(rewrapAll(store, 'in/', changeOf(old, next)))
  expect(outcomes.map(({ outcome }) => outcome)).toEqual(['resealed', 'resealed', 'resealed'])
  for (const { key } of outcomes) {
    expect(await textBy(store, key, next)).toBe(key === 'in/large' ? large : small)
    expect(await textBy(store, key, old)).toBe('wrong-key')
    expect((await store.head(key))?.metadata).toEqual(index)
  }
  expect(await textBy(store, 'out/m', old)).toBe(small)
  const again = await all(rewrapAll(store, 'in/', changeOf(old, next)))
  expect(again.map(({ outcome }) => outcome)).toEqual(['passed', 'passed', 'passed'])
})

test.for(['metadata', 'instruction'] as const)(
  'the data key in the %s is wrapped anew, the content is the one that was uploaded',
  async (where) => {
    const store = s3ObjectStore({ client, bucket: await newBucket(client) })
    await putS3ec(store, 'm1', large, rsaOld.seals('v3'), where)
    const was = await store.head('m1')
    const change = changeOf(rsaOld.opens, rsaNew.seals('v3'))
    expect(await rewrap(store, 'm1', change)).toEqual({ outcome: 'rewrapped' })
    expect(await textBy(store, 'm1', rsaNew.opens)).toBe(large)
    expect(await textBy(store, 'm1', rsaOld.opens)).toBe('wrong-key')
    expect((await store.head('m1'))?.size).toBe(was?.size)
    expect((await store.head('m1'))?.metadata).toMatchObject(index)
    expect(await rewrap(store, 'm1', change)).toMatchObject({ outcome: 'passed' })
  },
)
