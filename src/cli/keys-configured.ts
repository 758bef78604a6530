/** The keys that a configuration seals to. Reads public keys only. */
import { readFileSync } from 'node:fs'
import type { Config } from '../config/options.ts'
import { isPublicKeyFile } from '../config/values.ts'
import { errorCode, UserError } from '../errors.ts'
import { places, usesEmbeddedKey } from '../roles/prepare.ts'
import { keyId } from '../seal/envelope.ts'
import { parsePublicKey } from '../seal/keys.ts'

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
  const isDefault = (name: string): boolean => config.encryption.default === `key/${name}`
  const keys = Object.entries(config.keys).map(([name, { type, publicKey }]): ConfiguredKey => {
    const inFile = isPublicKeyFile(publicKey)
    const text = inFile ? fileText(publicKey) : publicKey
    const source = inFile ? publicKey : `keys.${name}`
    return { name, type, id: idOf(text, source), source, default: isDefault(name) }
  })
  if (!usesEmbeddedKey(config)) return keys
  const source = places(config.dataDir).publicKey
  const text = fileText(source, true)
  const id = text === undefined ? null : idOf(text, source)
  return [...keys, { name: 'main', type: 'nacl', id, source, default: isDefault('main') }]
}

function idOf(text: string | undefined, source: string): string {
  try {
    return Buffer.from(keyId(parsePublicKey(text ?? ''))).toString('hex')
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${source}: ${error.message}`)
    throw error
  }
}

function fileText(path: string, optional = false): string | undefined {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    if (optional && errorCode(error) === 'ENOENT') return undefined
    throw new UserError(`The public key ${path} cannot be read (${errorCode(error) ?? error}).`)
  }
}
