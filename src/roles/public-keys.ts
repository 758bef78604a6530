/**
 * The public keys of a configuration, read: at start, at the first delivery, by `postern check` and by
 * `postern keys list`. Every failure names the file or option and the remedy. Never reads a secret key.
 */
import { readFileSync } from 'node:fs'
import type { Config } from '../config/options.ts'
import { isPublicKeyFile } from '../config/values.ts'
import { errorCode, UserError } from '../errors.ts'
import type { PublicKey } from '../seal/envelope.ts'
import { parsePublicKey } from '../seal/keys.ts'
import { places, usesEmbeddedKey } from './prepare.ts'

/** The names of all keys, in the order of the configuration, the embedded pair last. */
export function keyNames(config: Config): string[] {
  return [...Object.keys(config.keys), ...(usesEmbeddedKey(config) ? ['main'] : [])]
}

/** Where a key is: the path of its file, or the name of the option that holds it. */
export function publicKeySource({ keys, dataDir }: Config, name: string): string {
  const written = Object.hasOwn(keys, name) ? keys[name]?.publicKey : places(dataDir).publicKey
  return written !== undefined && isPublicKeyFile(written) ? written : `keys.${name}`
}

/** Throws `UserError`. */
export function readPublicKey(
  config: Config,
  name: string,
): { readonly key: PublicKey; readonly source: string } {
  const source = publicKeySource(config, name)
  const written = Object.hasOwn(config.keys, name) ? config.keys[name]?.publicKey : undefined
  const text = isPublicKeyFile(source) ? fileText(source) : (written ?? '')
  try {
    return { key: parsePublicKey(text), source }
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${source}: ${error.message}`)
    throw error
  }
}

/** Throws `UserError` for the first key that mail could not be sealed to. */
export function requirePublicKeys(config: Config): void {
  for (const name of keyNames(config)) readPublicKey(config, name)
}

function fileText(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch (error) {
    throw new UserError(
      `The public key ${path} can't be read (${errorCode(error) ?? error}): bring the file back and let this user read it, or name another in postern.yaml.`,
    )
  }
}
