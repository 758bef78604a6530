/** The keys that a configuration seals to. Reads public keys only. */
import { existsSync } from 'node:fs'
import type { Config } from '../config/options.ts'
import { keyNames, publicKeySource, readPublicKey } from '../roles/public-keys.ts'
import { keyId } from '../seal/envelope.ts'

export type ConfiguredKey = {
  readonly name: string
  readonly type: 'nacl'
  /** By which an envelope names the key, in hex; null for a pair that the first start will make. */
  readonly id: string | null
  /** The file the public key is in, or the option. */
  readonly source: string
  /** Whether S3 actions that name no key seal to it. */
  readonly default: boolean
}

/** In the order of the configuration, the embedded pair last. Throws UserError for a key that cannot be read. */
export function configuredKeys(config: Config): ConfiguredKey[] {
  return keyNames(config).map((name) => ({
    name,
    type: 'nacl',
    id: isToBeMade(config, name) ? null : idOf(config, name),
    source: publicKeySource(config, name),
    default: config.encryption.default === `key/${name}`,
  }))
}

/** Whether it is the embedded pair, and no start has made it yet. */
export function isToBeMade(config: Config, name: string): boolean {
  return !Object.hasOwn(config.keys, name) && !existsSync(publicKeySource(config, name))
}

function idOf(config: Config, name: string): string {
  return Buffer.from(keyId(readPublicKey(config, name).key)).toString('hex')
}
