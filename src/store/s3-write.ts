/** Writes an object on a condition: a small one as one request, a large one in parts. */
import { PutObjectCommand } from '@aws-sdk/client-s3'
import { whole } from './content.ts'
import type { PutOptions } from './object-store.ts'
import { answerTo } from './s3-errors.ts'
import { type Condition, PART_OCTETS, putParts, type Target } from './s3-multipart.ts'

/** An object up to this size is one request; it is held in memory whole. */
export const SINGLE_PUT_OCTETS = PART_OCTETS

/** `condition` is asked for last, when all of the content has been read; what it throws is thrown on. */
export async function write(
  target: Target,
  body: AsyncIterable<Uint8Array>,
  options: PutOptions,
  condition: () => Promise<Condition>,
): Promise<void> {
  const { length, contentType, metadata } = options
  if (length > SINGLE_PUT_OCTETS) return putParts(target, body, options, condition)
  const { client, bucket, key } = target
  const command = new PutObjectCommand({
    Bucket: bucket,
    Key: key,
    Body: await whole(body, length),
    ContentLength: length,
    ContentType: contentType,
    Metadata: { ...metadata },
    ...(await condition()),
  })
  await answerTo({ client, bucket, doing: `put ${key}` }, client.send(command))
}
