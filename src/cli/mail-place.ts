/** Which bucket and which keys the mail commands mean when they are not told. Reads, never writes. */
import { existsSync } from 'node:fs'
import { type MailKey, readKey } from '../client/index.ts'
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import { bucketPlace } from '../roles/buckets.ts'
import { places } from '../roles/prepare.ts'
import { bucketOpener } from '../roles/stores.ts'
import { loadRuleSet } from '../rules/load.ts'
import type { ReadableStore } from '../store/object-store.ts'
import { printable } from './context.ts'
import { kmsReaders } from './kms-readers.ts'

/** The bucket of the rule set that Postern starts with. */
const DEMO_BUCKET = 'inbox'

export type Place = {
  readonly bucket: string
  readonly store: ReadableStore
  /** The bucket and where it is, for a sentence. */
  readonly name: string
}

/** Throws UserError when the rules name several buckets and none was chosen. */
export async function placeOf(config: Config, chosen: string | undefined): Promise<Place> {
  const bucket = chosen ?? defaultBucket(config)
  const place = bucketPlace(config, bucket)
  const where =
    place.type === 'dir'
      ? `directory ${place.path}`
      : `bucket ${place.bucket} at ${place.endpoint ?? `Amazon S3 ${place.region}`}`
  const store = (await bucketOpener(config))(bucket)
  return { bucket, store, name: printable(`${bucket} (${where})`) }
}

function defaultBucket({ rules, domains }: Config): string {
  const named = new Set<string>()
  try {
    const { ruleSet } = loadRuleSet(rules.dir, rules.active, { domains })
    for (const action of ruleSet.Rules.flatMap((rule) => rule.Actions)) {
      if ('S3Action' in action) named.add(action.S3Action.BucketName)
    }
  } catch (error) {
    // The machine that reads mail needs no rules; `postern check` tells what is wrong with them.
    if (!(error instanceof UserError)) throw error
  }
  const [only, ...others] = named
  if (only === undefined || named.has(DEMO_BUCKET)) return DEMO_BUCKET
  if (others.length === 0) return only
  throw new UserError(
    `The rules store in several buckets (${[...named].join(', ')}): name one with --bucket.`,
  )
}

/** The keys of `--key`, else the pair that the server made, if its secret half is still here; and KMS. */
export async function keysOf(config: Config, files: readonly string[]): Promise<MailKey[]> {
  const { secretKey } = places(config.dataDir)
  const named = files.length > 0 ? files : [secretKey].filter((file) => existsSync(file))
  const read = await Promise.all(named.map((file) => readKey(file)))
  return [...read, ...kmsReaders(config)]
}

/** Whether there is a key of a file; KMS, which is asked when an object needs it, is always among them. */
export function hasKeyFile(keys: readonly MailKey[]): boolean {
  return keys.some(({ type }) => type !== 'kms')
}
