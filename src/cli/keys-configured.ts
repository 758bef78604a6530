/** The keys that a configuration seals to. */
import { existsSync } from 'node:fs'
import type { Config } from '../config/options.ts'
import { namesSealedTo } from '../roles/sealers.ts'
import {
  keyConfig,
  keyNames,
  keySource,
  readSealingKey,
  type SealingKeyRead,
} from '../roles/sealing-keys.ts'

export type ConfiguredKey = {
  readonly name: string
  readonly type: SealingKeyRead['type']
  /**
   * By which an envelope names a nacl key, of an RSA key the start of its SHA-256, in hex; the ARN of a KMS
   * key. Null for a pair that the first start will make, and for a secret AES key.
   */
  readonly id: string | null
  /** The file the public key is in, or the option. */
  readonly source: string
  /** Whether S3 actions that name no key seal to it. */
  readonly default: boolean
}

/** In the order of the configuration, the embedded pair last. Throws UserError for a key that cannot be read. */
export function configuredKeys(config: Config): ConfiguredKey[] {
  const preset = namesSealedTo(config, undefined)
  return keyNames(config).map((name) => ({
    name,
    type: keyConfig(config, name).type,
    id: isToBeMade(config, name) ? null : readSealingKey(config, name).id,
    source: keySource(config, name),
    default: preset !== 'none' && preset.includes(name),
  }))
}

/** Whether it is the embedded pair, and no start has made it yet. */
export function isToBeMade(config: Config, name: string): boolean {
  return !Object.hasOwn(config.keys, name) && !existsSync(keySource(config, name))
}
