/**
 * The text forms of NaCl keys, one line each: what stands in `NAME.pub` and in `NAME.key`. The two
 * kinds carry their names, so that neither is taken for the other, and no error repeats a key.
 *
 *   postern-nacl-public-key <base64 of 32 bytes>      safe to show; the server seals with it
 *   postern-nacl-secret-key <base64 of 32 bytes>      opens the mail; never belongs on the server
 */
import { UserError } from '../errors.ts'
import { fastestBackend } from './backend.ts'
import { fromBase64, toBase64 } from './base64.ts'
import type { KeyPair, PublicKey } from './nacl.ts'

const PUBLIC = 'postern-nacl-public-key'
const SECRET = 'postern-nacl-secret-key'

/** A new key pair from the system's generator. */
export function newKeyPair(): KeyPair {
  return keyPairOf(fastestBackend().random(32))
}

/** The key pair of a secret key of 32 bytes. */
export function keyPairOf(secretKey: Uint8Array): KeyPair {
  if (secretKey.length !== 32) throw new UserError('A NaCl secret key has exactly 32 bytes.')
  return { publicKey: fastestBackend().publicKey(secretKey), secretKey }
}

/** The line of a `.pub` file, with its newline. */
export function formatPublicKey(publicKey: PublicKey): string {
  return `${PUBLIC} ${toBase64(publicKey)}\n`
}

/** The line of a `.key` file, with its newline. Keep it from logs. */
export function formatSecretKey(secretKey: Uint8Array): string {
  return `${SECRET} ${toBase64(secretKey)}\n`
}

/** A public key from the line of a `.pub` file, or from bare base64. Throws UserError. */
export function parsePublicKey(text: string): PublicKey {
  const words = text.trim().split(/\s+/)
  if (words[0] === SECRET) {
    throw new UserError(
      'This is a secret key where a public one belongs: name the .pub file here, and keep the secret key off this machine.',
    )
  }
  const key = keyIn(words[0] === PUBLIC ? words.slice(1) : words)
  if (key === undefined) {
    throw new UserError(
      `This is not a NaCl public key: it should read "${PUBLIC}" and the base64 of 32 bytes, or that base64 alone.`,
    )
  }
  const probe = fastestBackend().box(new Uint8Array(1), new Uint8Array(24), key, new Uint8Array(32))
  if (probe !== undefined) return key
  throw new UserError('This public key is worthless: anybody could open what is sealed to it.')
}

/** The key pair of the line of a `.key` file; bare base64 is refused, it could be either kind. Throws UserError. */
export function parseSecretKey(text: string): KeyPair {
  const [label, ...words] = text.trim().split(/\s+/)
  if (label === PUBLIC) {
    throw new UserError(
      'This is a public key where a secret one belongs: opening mail takes the .key file.',
    )
  }
  const key = label === SECRET ? keyIn(words) : undefined
  if (key !== undefined) return keyPairOf(key)
  throw new UserError(
    `This is not a NaCl secret key: it should read "${SECRET}" and the base64 of 32 bytes.`,
  )
}

/** 32 bytes from exactly one word of base64. */
function keyIn(words: readonly string[]): Uint8Array | undefined {
  const [word = ''] = words
  const bytes = words.length === 1 ? fromBase64(word) : undefined
  return bytes?.length === 32 ? bytes : undefined
}
