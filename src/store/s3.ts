/**
 * An object store in a bucket of S3, or of a server that speaks it. Writes are conditional
 * (If-None-Match: *), so that a repeated put finds its own object. Holds at most one part of an
 * object in memory. Bodies are sent as buffers with their length: a stream would be framed in
 * chunks with a trailing checksum, which Ceph 16.2 refuses and others store (pitfalls P37).
 */
import { DeleteObjectCommand, GetObjectCommand } from '@aws-sdk/client-s3'
import { getSignedUrl } from '@aws-sdk/s3-request-presigner'
import { release, whole } from './content.ts'
import { existed } from './existing.ts'
import { isKey, requireKey } from './key.ts'
import type { ObjectStore } from './object-store.ts'
import { answerTo, isTaken } from './s3-errors.ts'
import { putParts } from './s3-multipart.ts'
import { smallPuts } from './s3-put.ts'
import { type S3StoreOptions, s3Store } from './s3-read.ts'
import { replaceObject } from './s3-replace.ts'
import { SINGLE_PUT_OCTETS } from './s3-write.ts'

export { type S3Settings, s3Client } from './s3-client.ts'

export function s3ObjectStore({ client, bucket }: S3StoreOptions): ObjectStore {
  const store = s3Store({ client, bucket })
  const putSmall = smallPuts({ client, bucket })

  return {
    ...store,
    url(key, seconds) {
      const command = new GetObjectCommand({ Bucket: bucket, Key: key })
      return getSignedUrl(client, command, { expiresIn: seconds })
    },
    async put(key, body, options) {
      requireKey(key)
      const target = { client, bucket, key }
      if (options.length <= SINGLE_PUT_OCTETS) {
        const outcome = await putSmall(key, await whole(body, options.length), options)
        return outcome === 'stored' ? outcome : existed(key, await store.head(key), options)
      }
      // A repeat uploads nothing; and Ceph 16.2 joins parts without regard to If-None-Match.
      const there = await store.head(key)
      if (there !== undefined) {
        await release(body)
        return existed(key, there, options)
      }
      try {
        await putParts(target, body, options, async () => ({ IfNoneMatch: '*' }))
        return 'stored'
      } catch (error) {
        if (!isTaken(error)) throw error
      }
      return existed(key, await store.head(key), options)
    },
    async replace(key, by, version) {
      requireKey(key)
      return replaceObject({ client, bucket, key }, by, version)
    },
    async delete(key) {
      if (!isKey(key)) return
      const command = new DeleteObjectCommand({ Bucket: bucket, Key: key })
      await answerTo({ client, bucket, doing: `delete ${key}` }, client.send(command))
    },
  }
}
