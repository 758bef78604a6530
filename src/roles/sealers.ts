/** From the key that a rule names, or the default, to what seals: as the configuration maps them. Composition only. */
import type { StoreCollaborators } from '../actions/store.ts'
import type { Config, KeyConfig } from '../config/options.ts'
import type { S3Action } from '../rules/rule-set.ts'
import type { SealingKey } from '../seal/s3ec/seal.ts'
import { envelopeSealer, type Sealer, s3ecSealer } from '../seal/sealer.ts'
import { type DataKeySource, kmsDataKeys } from './kms.ts'
import { keyConfig, readSealingKey, type SealingKeyRead } from './sealing-keys.ts'

/** The names of the keys that an S3 action with this KmsKeyArn, or with none, seals to. */
export function namesSealedTo(
  { encryption, resources }: Config,
  arn: string | undefined,
): readonly string[] | 'none' {
  if (arn === undefined) {
    if (encryption.default === 'none') return 'none'
    return [encryption.default].flat().map((each) => each.replace(/^key\//, ''))
  }
  const named = Object.hasOwn(resources.keys, arn) ? resources.keys[arn] : undefined
  if (named !== undefined) return [named].flat()
  throw new Error(
    `the rule names the KMS key ${arn}, which resources.keys in postern.yaml does not map to a key`,
  )
}

/** What each S3 action seals with; every key is read once, at its first use. */
export function sealerFinder(config: Config): {
  readonly sealer: StoreCollaborators['sealer']
  readonly close: () => void
} {
  const made = new Map<string, Sealer>()
  const sources: DataKeySource[] = []
  const open = (key: Extract<KeyConfig, { type: 'kms' }>): DataKeySource => {
    const source = kmsDataKeys(key)
    sources.push(source)
    return source
  }
  return {
    sealer({ KmsKeyArn }: S3Action) {
      const names = namesSealedTo(config, KmsKeyArn)
      if (names === 'none') return 'none'
      const known = made.get(names.join(' '))
      if (known !== undefined) return known
      const sealer = sealerOf(config, names, open)
      made.set(names.join(' '), sealer)
      return sealer
    },
    close() {
      for (const source of sources) source.close()
    },
  }
}

/** A list is of nacl keys only: the configuration saw to it. */
function sealerOf(
  config: Config,
  names: readonly string[],
  open: (key: Extract<KeyConfig, { type: 'kms' }>) => DataKeySource,
): Sealer {
  const keys = names.map((name) => ({ name, read: readSealingKey(config, name) }))
  const publicKeys = keys.flatMap(({ read }) => (read.type === 'nacl' ? [read.publicKey] : []))
  const [first] = keys
  if (first === undefined || publicKeys.length === keys.length) return envelopeSealer(publicKeys)
  return s3ecSealer(s3ecKeyOf(keyConfig(config, first.name), first.read, open))
}

/** What seals for S3 encryption clients, of a key that is not `nacl`. */
export function s3ecKeyOf(
  key: KeyConfig,
  read: SealingKeyRead,
  open: (key: Extract<KeyConfig, { type: 'kms' }>) => DataKeySource,
): SealingKey {
  if (key.type === 'nacl' || read.type === 'nacl') throw new Error('a nacl key seals envelopes')
  const { format: version, context } = key
  if (key.type === 'kms') {
    return { type: 'kms', version, context, generateDataKey: open(key).generateDataKey }
  }
  if (read.type === 'rsa') return { type: 'rsa', version, context, publicKey: read.publicKey }
  if (read.type === 'aes') return { type: 'aes', version, context, secret: read.secret }
  throw new Error(`the key is of type ${key.type} and was read as ${read.type}`)
}
