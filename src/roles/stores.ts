/** From the names in rules to open buckets. Composition only. */
import type { S3Client } from '@aws-sdk/client-s3'
import type { BucketConfig, Config } from '../config/options.ts'
import { dirStore } from '../store/dir.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { bucketPlace, usesS3 } from './buckets.ts'

/** Opens buckets by the names rules give them, each once. */
export async function bucketOpener(config: Config): Promise<(name: string) => ObjectStore> {
  const opened = new Map<string, ObjectStore>()
  const open = await opener(config)
  return (name) => {
    const store = opened.get(name) ?? open(bucketPlace(config, name))
    opened.set(name, store)
    return store
  }
}

async function opener(config: Config): Promise<(place: BucketConfig) => ObjectStore> {
  // 0.2 s of CPU at each start, and 25 MB.
  const s3 = usesS3(config) ? await import('../store/s3.ts') : undefined
  const clients = new Map<string, S3Client>()
  return (place) => {
    if (place.type === 'dir') return dirStore(place.path)
    if (s3 === undefined) throw new Error('usesS3 is wrong')
    const { bucket, type: _, ...settings } = place
    // One client, hence one pool of connections, for all buckets of an endpoint.
    const key = JSON.stringify(settings)
    const client = clients.get(key) ?? s3.s3Client(settings)
    clients.set(key, client)
    return s3.s3ObjectStore({ client, bucket })
  }
}
