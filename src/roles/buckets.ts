/** Where buckets are, as the configuration maps their names. Pure. */
import { join } from 'node:path'
import type { BucketConfig, Config } from '../config/options.ts'

/** D§4: a bucket no one maps is a directory of the default store, or a bucket of its endpoint. */
export function bucketPlace({ resources, store }: Config, name: string): BucketConfig {
  const mapped = Object.hasOwn(resources.buckets, name) ? resources.buckets[name] : undefined
  if (mapped !== undefined) return mapped
  return store.type === 'dir'
    ? { type: 'dir', path: join(store.path, name) }
    : { ...store, bucket: name }
}

/** Whether any bucket is, or may be, in an S3 store. */
export function usesS3({ resources, store }: Config): boolean {
  return [store, ...Object.values(resources.buckets)].some(({ type }) => type === 's3')
}
