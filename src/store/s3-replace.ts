/**
 * Replaces an object of S3 that is still the one that was read: content and metadata by a conditional
 * write, metadata alone by a copy of the object onto itself. The key is looked at just before, too,
 * for servers that take a condition without regarding it (Ceph 16.2 when it joins parts).
 */
import { CopyObjectCommand } from '@aws-sdk/client-s3'
import type { Replacement } from './object-store.ts'
import { answerTo, isMissing, isTaken } from './s3-errors.ts'
import type { Target } from './s3-multipart.ts'
import { s3Store } from './s3-read.ts'
import { write } from './s3-write.ts'

export async function replaceObject(
  target: Target,
  { contentType, metadata, content }: Replacement,
  version: string,
): Promise<'replaced' | 'changed'> {
  const changed = new Error(`the object at ${target.key} has changed`)
  const unchanged = async () => {
    const there = await s3Store(target).head(target.key)
    if (there?.version !== version) throw changed
    // Ceph 16.2 compares what a write carries without its quotes; AWS takes either.
    return { IfMatch: version.replaceAll('"', '') }
  }
  try {
    if (content !== undefined) {
      const { body, length } = content
      await write(target, body, { length, contentType, metadata }, unchanged)
    } else {
      await unchanged()
      await describeAnew(target, { contentType, metadata }, version)
    }
    return 'replaced'
  } catch (error) {
    // AWS: If-Match on a key that is not there (any more) is answered 404.
    if (error === changed || isTaken(error) || isMissing(error)) return 'changed'
    throw error
  }
}

async function describeAnew(
  { client, bucket, key }: Target,
  { contentType, metadata }: Replacement,
  version: string,
): Promise<void> {
  const command = new CopyObjectCommand({
    Bucket: bucket,
    Key: key,
    CopySource: `${bucket}/${key.split('/').map(encodeURIComponent).join('/')}`,
    CopySourceIfMatch: version,
    MetadataDirective: 'REPLACE',
    ContentType: contentType,
    Metadata: { ...metadata },
  })
  await answerTo({ client, bucket, doing: `replace the metadata of ${key}` }, client.send(command))
}
