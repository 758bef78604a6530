/** The S3 store, held to the suite on a real S3 server: Ceph's RADOS gateway. */
import { ListMultipartUploadsCommand } from '@aws-sdk/client-s3'
import { afterAll, describe, expect, inject, test } from 'vitest'
import { PermanentError } from '../../src/errors.ts'
import { open, seal, sealedLength } from '../../src/seal/envelope.ts'
import { newKeyPair } from '../../src/seal/keys.ts'
import { s3Client, s3ObjectStore } from '../../src/store/s3.ts'
import * as of from '../conformance/content.ts'
import { objectStoreSuite } from '../conformance/object-store.ts'
import { cephClient, newBucket } from '../support/ceph.ts'

const ceph = inject('ceph')
const client = cephClient(ceph)
afterAll(() => client.destroy())

const PARTS = 3 * 8 * 1024 * 1024

objectStoreSuite('Ceph', async () => s3ObjectStore({ client, bucket: await newBucket(client) }))

describe('an upload in parts', () => {
  test('that fails leaves no part behind', async () => {
    const bucket = await newBucket(client)
    const body = of.failing(PARTS - 1, new Error('the disk is gone'))
    await expect(
      s3ObjectStore({ client, bucket }).put('key', body, of.described(PARTS)),
    ).rejects.toThrow('the disk is gone')
    const left = await client.send(new ListMultipartUploadsCommand({ Bucket: bucket }))
    expect(left.Uploads ?? []).toEqual([])
  })

  test('finds its own object when it is repeated, and reads no more than a chunk', async () => {
    const store = s3ObjectStore({ client, bucket: await newBucket(client) })
    const options = of.described(PARTS, { 'postern-id': 'm1' })
    await store.put('key', of.content(PARTS), options)
    let read = 0
    const again = (async function* () {
      for await (const chunk of of.content(PARTS)) {
        read += chunk.length
        yield chunk
      }
    })()
    expect(await store.put('key', again, options)).toBe('existed')
    expect(read).toBeLessThanOrEqual(65_536)
  })
})

describe('a refusal of the server', () => {
  const put = (settings: Partial<typeof ceph>, bucket: string) => {
    const other = s3Client({ ...ceph, ...settings, forcePathStyle: true })
    const store = s3ObjectStore({ client: other, bucket })
    return store.put('in/key', of.textBody('x'), of.described(1)).finally(() => other.destroy())
  }

  test('names bucket, endpoint and remedy when there is no bucket', async () => {
    await expect(put({}, 'no-such-bucket')).rejects.toThrow(
      `could not put in/key in bucket no-such-bucket at ${ceph.endpoint}: create the bucket, or correct its name`,
    )
  })

  test('names bucket, endpoint and remedy when the secret is wrong', async () => {
    await expect(put({ secretAccessKey: 'wrong' }, 'inbox')).rejects.toThrow(
      `in bucket inbox at ${ceph.endpoint}: correct the access key and its secret`,
    )
  })

  test('is transient, so that mending the configuration delivers the mail', async () => {
    const refused = put({ accessKeyId: 'nobody' }, 'inbox')
    await expect(refused).rejects.not.toBeInstanceOf(PermanentError)
  })

  test('of a bucket that is not there is an error for get and list, not an empty store', async () => {
    const store = s3ObjectStore({ client, bucket: 'no-such-bucket' })
    await expect(store.get('key')).rejects.toThrow(/create the bucket/)
    await expect(of.all(store.list())).rejects.toThrow(/create the bucket/)
  })
})

test('a presigned URL gives the sealed object to whoever has it, and nothing to who changed it', async () => {
  const store = s3ObjectStore({ client, bucket: await newBucket(client) })
  const pair = newKeyPair()
  const plaintext = 'Subject: x\r\n\r\nhello\r\n'
  const sealed = seal(of.textBody(plaintext), [pair.publicKey])
  const length = sealedLength(plaintext.length, 1)
  await store.put('raw/help/m1', sealed, { ...of.described(length) })
  const url = (await store.url?.('raw/help/m1', 60)) ?? ''
  const answer = await fetch(url)
  expect(answer.status).toBe(200)
  const octets = Buffer.from(await answer.arrayBuffer())
  expect(octets).toHaveLength(length)
  expect(Buffer.concat(await Array.fromAsync(open(of.chunks(octets), [pair])))).toEqual(
    Buffer.from(plaintext),
  )
  const other = await fetch(url.replace('raw/help/m1', 'raw/help/m2'))
  expect(other.status).toBe(403)
  await other.arrayBuffer()
})
