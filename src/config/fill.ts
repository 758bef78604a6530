/** Fills in what is computed: names, the store, absolute paths. Pure. */
import { join, resolve } from 'node:path'
import type { z } from 'zod'
import type { BucketConfig, Config, KeyConfig, options, StoreConfig } from './options.ts'
import { isDomainName, isPublicKeyFile } from './texts.ts'

type Written = z.infer<typeof options>

/** The effective configuration; `base` is where relative paths start, `machine` the machine's own name. */
export function fill(written: Written, from: { base: string; machine: string }): Config {
  const { base } = from
  // A machine may have a name that is no domain name (an underscore, nothing): mail must start anyway.
  const hostname = written.hostname ?? (isDomainName(from.machine) ? from.machine : 'localhost')
  const dataDir = resolve(base, written.dataDir)
  const { tls, ...smtp } = written.smtp
  const files = tls && { cert: resolve(base, tls.cert), key: resolve(base, tls.key) }
  return {
    ...written,
    hostname,
    node: written.node ?? hostname,
    domains: written.domains.map((each) => each.toLowerCase()),
    dataDir,
    smtp: { ...smtp, ...(files && { tls: files }) },
    rules: { ...written.rules, dir: resolve(base, written.rules.dir) },
    keys: mapValues(written.keys, (key) => fillKey(key, base)),
    store: fillStore(written.store ?? { type: 'dir' }, base, join(dataDir, 'store')),
    resources: {
      ...written.resources,
      buckets: mapValues(written.resources.buckets, (bucket, name): BucketConfig => {
        return bucket.type === 'dir' ? fillDir(bucket, base, join(dataDir, 'store', name)) : bucket
      }),
    },
  }
}

function fillKey(key: Written['keys'][string], base: string): KeyConfig {
  if (key.type === 'kms') return key
  if (key.type === 'aes') return { ...key, keyFile: resolve(base, key.keyFile) }
  const { publicKey } = key
  if (key.type === 'nacl' && !isPublicKeyFile(publicKey)) return key
  return { ...key, publicKey: resolve(base, publicKey) }
}

function fillStore(
  store: NonNullable<Written['store']>,
  base: string,
  preset: string,
): StoreConfig {
  return store.type === 'dir' ? fillDir(store, base, preset) : store
}

function fillDir(dir: { path?: string }, base: string, preset: string) {
  return { type: 'dir', path: dir.path === undefined ? preset : resolve(base, dir.path) } as const
}

function mapValues<From, To>(
  record: Readonly<Record<string, From>>,
  change: (value: From, name: string) => To,
): Record<string, To> {
  return Object.fromEntries(
    Object.entries(record).map(([name, value]) => [name, change(value, name)]),
  )
}
