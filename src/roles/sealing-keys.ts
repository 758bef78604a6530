/**
 * The keys of a configuration, read: at start, at the first delivery, by `postern check` and by
 * `postern keys list`. Every failure names the file or option and the remedy. Reads public keys; secret
 * is only an AES key, which seals and opens alike.
 */
import type { KeyObject } from 'node:crypto'
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import type { Config, KeyConfig } from '../config/options.ts'
import { isPublicKeyFile } from '../config/texts.ts'
import { errorCode, UserError } from '../errors.ts'
import { keyId, type PublicKey } from '../seal/envelope.ts'
import { parsePublicKey } from '../seal/keys.ts'
import { parseAesKey, parseRsaPublicKey, rsaKeyId } from '../seal/s3ec/server-keys.ts'
import { places, usesEmbeddedKey } from './prepare.ts'

/** A key as the server has it, with an id that people can compare. */
export type SealingKeyRead =
  | { readonly type: 'nacl'; readonly id: string; readonly publicKey: PublicKey }
  | { readonly type: 'rsa'; readonly id: string; readonly publicKey: KeyObject }
  /** A hash of a secret key would help whoever guesses: it has no id. */
  | { readonly type: 'aes'; readonly id: null; readonly secret: Uint8Array }
  | { readonly type: 'kms'; readonly id: string }

/** The names of all keys, in the order of the configuration, the embedded pair last. */
export function keyNames(config: Config): string[] {
  return [...Object.keys(config.keys), ...(usesEmbeddedKey(config) ? ['main'] : [])]
}

/** The key of that name; of the embedded pair what would be written. */
export function keyConfig({ keys, dataDir }: Config, name: string): KeyConfig {
  const written = Object.hasOwn(keys, name) ? keys[name] : undefined
  return written ?? { type: 'nacl', publicKey: places(dataDir).publicKey }
}

/** Where a key is: the path of its file, or the name of the option that holds it. */
export function keySource(config: Config, name: string): string {
  const key = keyConfig(config, name)
  if (key.type === 'aes') return key.keyFile
  if (key.type === 'rsa') return key.publicKey
  return key.type === 'nacl' && isPublicKeyFile(key.publicKey) ? key.publicKey : `keys.${name}`
}

/** Throws `UserError`. */
export function readSealingKey(config: Config, name: string): SealingKeyRead {
  const key = keyConfig(config, name)
  const source = keySource(config, name)
  try {
    if (key.type === 'kms') return { type: 'kms', id: key.arn }
    if (key.type === 'aes')
      return { type: 'aes', id: null, secret: parseAesKey(secretOctets(source)) }
    if (key.type === 'rsa') {
      const publicKey = parseRsaPublicKey(fileText(source))
      return { type: 'rsa', id: rsaKeyId(publicKey), publicKey }
    }
    const text = isPublicKeyFile(key.publicKey) ? fileText(source) : key.publicKey
    const publicKey = parsePublicKey(text)
    return { type: 'nacl', id: Buffer.from(keyId(publicKey)).toString('hex'), publicKey }
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${source}: ${error.message}`)
    throw error
  }
}

/** Throws `UserError` for the first key that mail could not be sealed to. */
export function requireSealingKeys(config: Config): void {
  for (const name of keyNames(config)) readSealingKey(config, name)
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UserError(
      `This public key can't be read (${errorCode(error) ?? error}): bring the file back and let this user read it, or name another in postern.yaml.`,
    )
  }
}

function secretOctets(path: string): Buffer {
  let file: number
  try {
    file = openSync(path, 'r')
  } catch (error) {
    throw new UserError(
      `This secret key can't be read (${errorCode(error) ?? error}): bring the file back and let this user, and nobody else, read it.`,
    )
  }
  try {
    // The file that is open, not the path again: it may be replaced in between.
    if ((fstatSync(file).mode & 0o077) === 0) return readFileSync(file)
  } finally {
    closeSync(file)
  }
  throw new UserError(`This secret key can be read by others than its owner: chmod 600 ${path}`)
}
