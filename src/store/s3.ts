/**
 * An object store in a bucket of S3, or of a server that speaks it. Writes are conditional
 * (If-None-Match: *), so that a repeated put finds its own object. Holds at most one part of an
 * object in memory. Bodies are sent as buffers with their length: a stream would be framed in
 * chunks with a trailing checksum, which Ceph 16.2 refuses and others store (pitfalls P37).
 */
import { DeleteObjectCommand, PutObjectCommand, S3Client } from '@aws-sdk/client-s3'
import { release, whole } from './content.ts'
import { existed } from './existing.ts'
import { isKey, requireKey } from './key.ts'
import type { ObjectStore, PutOptions } from './object-store.ts'
import { answerTo, isTaken } from './s3-errors.ts'
import { PART_OCTETS, putParts, type Target } from './s3-multipart.ts'
import { type S3StoreOptions, s3Store } from './s3-read.ts'

/** An object up to this size is one request; it is held in memory whole. */
export const SINGLE_PUT_OCTETS = PART_OCTETS
/** Waiting for a TCP and TLS connection. */
const CONNECT_TIMEOUT_MS = 10_000
/** Nothing sent and nothing received on a connection: the server is gone, or a reader stalls it. */
const IDLE_TIMEOUT_MS = 60_000
/** The SDK's own tries at one request; the job's retries come on top. */
const REQUEST_ATTEMPTS = 3
/** Connections to one server; requests above wait. */
const CONNECTIONS = 50

export type S3Settings = {
  /** Absent for Amazon S3. */
  readonly endpoint?: string
  readonly region?: string
  /** http://host/bucket instead of http://bucket.host: for servers without wildcard DNS. */
  readonly forcePathStyle?: boolean
  /** Absent for the SDK's own search: environment, profile, instance role. */
  readonly accessKeyId?: string
  readonly secretAccessKey?: string
  readonly sessionToken?: string
}

/** A client for `s3ObjectStore` and `s3Store`; `destroy()` closes its connections. */
export function s3Client(settings: S3Settings): S3Client {
  const { endpoint, region, forcePathStyle, ...credentials } = settings
  const { accessKeyId, secretAccessKey, sessionToken } = credentials
  const agent = { keepAlive: true, maxSockets: CONNECTIONS }
  return new S3Client({
    region: region ?? 'us-east-1',
    ...(endpoint !== undefined && { endpoint }),
    ...(forcePathStyle !== undefined && { forcePathStyle }),
    ...(accessKeyId !== undefined &&
      secretAccessKey !== undefined && {
        credentials: { accessKeyId, secretAccessKey, ...(sessionToken && { sessionToken }) },
      }),
    maxAttempts: REQUEST_ATTEMPTS,
    // Servers other than Amazon's store the SDK's checksum trailers, refuse or omit them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      httpAgent: agent,
      httpsAgent: agent,
    },
  })
}

export function s3ObjectStore({ client, bucket }: S3StoreOptions): ObjectStore {
  const store = s3Store({ client, bucket })

  return {
    ...store,
    async put(key, body, options) {
      requireKey(key)
      const target = { client, bucket, key }
      try {
        if (options.length <= SINGLE_PUT_OCTETS) await putWhole(target, body, options)
        else {
          // A repeat uploads nothing; and Ceph 16.2 joins parts without regard to If-None-Match.
          const there = await store.head(key)
          if (there !== undefined) {
            await release(body)
            return existed(key, there, options)
          }
          await putParts(target, body, options)
        }
        return 'stored'
      } catch (error) {
        if (!isTaken(error)) throw error
      }
      return existed(key, await store.head(key), options)
    },
    async delete(key) {
      if (!isKey(key)) return
      const command = new DeleteObjectCommand({ Bucket: bucket, Key: key })
      await answerTo({ client, bucket, doing: `delete ${key}` }, client.send(command))
    },
  }
}

async function putWhole(
  { client, bucket, key }: Target,
  body: AsyncIterable<Uint8Array>,
  { length, contentType, metadata }: PutOptions,
): Promise<void> {
  const command = new PutObjectCommand({
    Bucket: bucket,
    Key: key,
    Body: await whole(body, length),
    ContentLength: length,
    ContentType: contentType,
    Metadata: { ...metadata },
    IfNoneMatch: '*',
  })
  await answerTo({ client, bucket, doing: `put ${key}` }, client.send(command))
}
