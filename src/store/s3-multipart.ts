/**
 * Uploads a large object in parts, one buffer for all of them. Nothing is visible before all parts
 * are joined; on any error the upload is aborted. One that cannot be aborted (the process or the
 * server is gone) leaves parts that only a lifecycle rule of the bucket removes
 * (AbortIncompleteMultipartUpload).
 */
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  type S3Client,
  UploadPartCommand,
} from '@aws-sdk/client-s3'
import { parts } from './content.ts'
import type { PutOptions } from './object-store.ts'
import { answerTo } from './s3-errors.ts'

/** The memory an upload takes. S3 wants parts of 5 MiB or more, and 10,000 at most: 78 GiB. */
export const PART_OCTETS = 8 * 1024 * 1024

export type Target = { readonly client: S3Client; readonly bucket: string; readonly key: string }

/** On what an object is written. */
export type Condition = { readonly IfNoneMatch: '*' } | { readonly IfMatch: string }

export async function putParts(
  { client, bucket, key }: Target,
  body: AsyncIterable<Uint8Array>,
  { length, contentType, metadata }: PutOptions,
  condition: () => Promise<Condition>,
): Promise<void> {
  const asked = { client, bucket, doing: `put ${key}` }
  const object = { Bucket: bucket, Key: key }
  const described = { ...object, ContentType: contentType, Metadata: { ...metadata } }
  const begin = new CreateMultipartUploadCommand(described)
  const { UploadId } = await answerTo(asked, client.send(begin))
  const upload = { ...object, UploadId }
  try {
    const Parts: { PartNumber: number; ETag: string | undefined }[] = []
    for await (const Body of parts(body, length, PART_OCTETS)) {
      const PartNumber = Parts.length + 1
      const part = { ...upload, PartNumber, Body, ContentLength: Body.length }
      const { ETag } = await answerTo(asked, client.send(new UploadPartCommand(part)))
      Parts.push({ PartNumber, ETag })
    }
    const join = { ...upload, MultipartUpload: { Parts }, ...(await condition()) }
    await answerTo(asked, client.send(new CompleteMultipartUploadCommand(join)))
  } catch (error) {
    try {
      await client.send(new AbortMultipartUploadCommand(upload))
    } catch {
      // The first error says what is wrong.
    }
    throw error
  }
}
