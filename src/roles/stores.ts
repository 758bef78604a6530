/** From the names in rules to buckets, as the configuration maps them. Composition only. */
import { join } from 'node:path'
import type { S3Client } from '@aws-sdk/client-s3'
import type { BucketConfig, Config } from '../config/options.ts'
import { dirStore } from '../store/dir.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { s3ObjectStore } from '../store/s3.ts'
import { s3Client } from '../store/s3-client.ts'

/** Opens buckets by the names rules give them, each once. */
export function bucketOpener(config: Config): (name: string) => ObjectStore {
  const opened = new Map<string, ObjectStore>()
  const clients = new Map<string, S3Client>()
  return (name) => {
    const store = opened.get(name) ?? openBucket(bucketPlace(config, name), clients)
    opened.set(name, store)
    return store
  }
}

/** D§4: a bucket no one maps is a directory of the default store, or a bucket of its endpoint. */
export function bucketPlace({ resources, store }: Config, name: string): BucketConfig {
  const mapped = Object.hasOwn(resources.buckets, name) ? resources.buckets[name] : undefined
  if (mapped !== undefined) return mapped
  return store.type === 'dir'
    ? { type: 'dir', path: join(store.path, name) }
    : { ...store, bucket: name }
}

function openBucket(place: BucketConfig, clients: Map<string, S3Client>): ObjectStore {
  if (place.type === 'dir') return dirStore(place.path)
  const { bucket, type: _, ...settings } = place
  // One client, hence one pool of connections, for all buckets of an endpoint.
  const key = JSON.stringify(settings)
  const client = clients.get(key) ?? s3Client(settings)
  clients.set(key, client)
  return s3ObjectStore({ client, bucket })
}
