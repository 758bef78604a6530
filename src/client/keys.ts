/**
 * The secret keys that open mail. A key's secret half is not enumerable: a logged or serialised key
 * shows its id only.
 */
import { errorCode, UserError } from '../errors.ts'
import { keyId } from '../seal/envelope.ts'
import { keyPairOf, parseSecretKey } from '../seal/keys.ts'
import type { KeyPair } from '../seal/nacl.ts'

/** A key that opens Postern envelopes; more types will follow. */
export type MailKey = KeyPair & {
  readonly type: 'nacl'
  /** By which an envelope names it: 32 hex digits. */
  readonly id: string
}

/** The key of a NaCl secret key of 32 bytes. Throws UserError for another length. */
export function naclKey(secretKey: Uint8Array): MailKey {
  return mailKeyOf(keyPairOf(secretKey))
}

/**
 * The key in a `.key` file, as `postern keys new` writes it. Node only. Throws UserError when it
 * cannot be read, is no secret key, or when others than its owner may read it.
 */
export async function readKey(path: string): Promise<MailKey> {
  const pair = parseNamed(path, await readPrivately(path))
  return mailKeyOf(pair)
}

/** The key id as people and JSON see it. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function mailKeyOf({ publicKey, secretKey }: KeyPair): MailKey {
  const key = { type: 'nacl', id: hex(keyId(publicKey)), publicKey } as const
  return Object.defineProperty(key, 'secretKey', { value: secretKey }) as MailKey
}

function parseNamed(path: string, text: string): KeyPair {
  try {
    return parseSecretKey(text)
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${path}: ${error.message}`)
    throw error
  }
}

/** A `.key` file is one line; more is some other file, and nothing to read whole. */
const LONGEST = 4096

async function readPrivately(path: string): Promise<string> {
  // Here and not above: this module belongs into browsers, too.
  const { open } = await import('node:fs/promises')
  const file = await open(path, 'r').catch((error: unknown) => {
    if (errorCode(error) === 'ENOENT')
      throw new UserError(`There is no key file ${path}: name the .key file that opens this mail.`)
    throw new UserError(`The key file ${path} cannot be read (${errorCode(error) ?? error}).`)
  })
  try {
    // The file that is open, not the path again: it may be replaced in between.
    const { mode, size } = await file.stat()
    if ((mode & 0o077) !== 0 && process.platform !== 'win32') {
      throw new UserError(
        `The key file ${path} can be read by others than its owner: chmod 600 ${path}`,
      )
    }
    if (size > LONGEST) throw new UserError(`${path} is not a key file: it is too long.`)
    return await file.readFile('utf8')
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`The key file ${path} cannot be read (${errorCode(error) ?? error}).`)
  } finally {
    await file.close()
  }
}
