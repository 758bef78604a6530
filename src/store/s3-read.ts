/**
 * Reads a bucket of S3, or of a server that speaks it. Never writes. Runs in browsers as in Node:
 * no built-in module here or in what this imports. Bodies come as they arrive, nothing is held.
 */
import {
  GetObjectCommand,
  type GetObjectCommandOutput,
  HeadObjectCommand,
  ListObjectsV2Command,
  type ListObjectsV2CommandOutput,
  type S3Client,
} from '@aws-sdk/client-s3'
import { isKey } from './key.ts'
import type { ListedObject, ObjectInfo, OpenedObject, ReadableStore } from './object-store.ts'
import { answerTo, isMissing } from './s3-errors.ts'

export type S3StoreOptions = { readonly client: S3Client; readonly bucket: string }

export function s3Store({ client, bucket }: S3StoreOptions): ReadableStore {
  async function unlessMissing<T>(doing: string, request: Promise<T>): Promise<T | undefined> {
    try {
      return await answerTo({ client, bucket, doing }, request)
    } catch (error) {
      if (isMissing(error)) return undefined
      throw error
    }
  }

  async function* list({ prefix = '', after = '' } = {}): AsyncGenerator<ListedObject> {
    let token: string | undefined
    do {
      const command = new ListObjectsV2Command({
        Bucket: bucket,
        EncodingType: 'url', // XML 1.0 has no control characters, keys may
        ...(prefix !== '' && { Prefix: prefix }),
        ...(after !== '' && { StartAfter: after }),
        ...(token !== undefined && { ContinuationToken: token }),
      })
      const doing = 'list objects'
      const page: ListObjectsV2CommandOutput = await answerTo(
        { client, bucket, doing },
        client.send(command),
      )
      for (const { Key = '', Size = 0, LastModified = new Date(0) } of page.Contents ?? []) {
        const key = page.EncodingType === 'url' ? decodeKey(Key) : Key
        yield { key, size: Size, time: LastModified }
      }
      token = page.IsTruncated ? page.NextContinuationToken : undefined
    } while (token !== undefined)
  }

  return {
    list,
    async head(key) {
      if (!isKey(key)) return undefined
      const command = new HeadObjectCommand({ Bucket: bucket, Key: key })
      const found = await unlessMissing(`look up ${key}`, client.send(command))
      return found && infoOf(key, found)
    },
    async get(key) {
      if (!isKey(key)) return undefined
      const command = new GetObjectCommand({ Bucket: bucket, Key: key })
      const found = await unlessMissing(`get ${key}`, client.send(command))
      return found && { info: infoOf(key, found), ...contentOf(found.Body) }
    },
  }
}

/** AWS writes a space as `+`, Ceph 16.2 as `%20`; a plus sign is `%2B` in both. */
function decodeKey(encoded: string): string {
  return decodeURIComponent(encoded.replaceAll('+', ' '))
}

type Described = Pick<
  GetObjectCommandOutput,
  'ContentLength' | 'ContentType' | 'LastModified' | 'Metadata' | 'ETag'
>

function infoOf(key: string, found: Described): ObjectInfo {
  const metadata = Object.entries(found.Metadata ?? {}).map(([name, value]) => [
    name.toLowerCase(),
    value,
  ])
  return {
    key,
    size: found.ContentLength ?? 0,
    time: found.LastModified ?? new Date(0),
    contentType: found.ContentType ?? 'application/octet-stream',
    metadata: Object.fromEntries(metadata),
    ...(found.ETag !== undefined && { version: found.ETag }),
  }
}

type Content = Pick<OpenedObject, 'body' | 'cancel'>

/** Node gives a Readable, a browser a ReadableStream (or a Blob); each is let go of in its own way. */
function contentOf(body: GetObjectCommandOutput['Body']): Content {
  if (body !== undefined && 'destroy' in body) return { body, cancel: () => void body.destroy() }
  const stream = body instanceof ReadableStream ? body : (body?.stream() ?? new Blob([]).stream())
  const reader = stream.getReader()
  // A failed cancel leaves nothing to release.
  return { body: chunksOf(reader), cancel: () => void reader.cancel().catch(() => {}) }
}

/** Safari cannot iterate a ReadableStream. */
async function* chunksOf(
  reader: ReadableStreamDefaultReader<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  try {
    for (;;) {
      const { done, value } = await reader.read()
      if (done) return
      yield value
    }
  } finally {
    await reader.cancel()
  }
}
