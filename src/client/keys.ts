/**
 * The secret keys that open mail. A key's secret half is not enumerable: a logged or serialised key
 * shows what it is, never what it opens with.
 */
import { errorCode, UserError } from '../errors.ts'
import { keyId } from '../seal/envelope.ts'
import { keyPairOf, parseSecretKey } from '../seal/keys.ts'
import type { KeyPair } from '../seal/nacl.ts'
import type { Context } from '../seal/s3ec/format.ts'
import type { DecryptDataKey, JsonWebKey, OpeningKey } from '../seal/s3ec/keys.ts'
import { parseRsaPrivateKey } from '../seal/s3ec/pem.ts'

export type { DecryptDataKey, JsonWebKey } from '../seal/s3ec/keys.ts'

/** A key that opens Postern envelopes. */
export type NaclKey = KeyPair & {
  readonly type: 'nacl'
  /** By which an envelope names it: 32 hex digits. */
  readonly id: string
}

/** Keys that open what Amazon's S3 Encryption Clients sealed, Postern in their formats among them. */
export type RsaKey = Extract<OpeningKey, { type: 'rsa' }>
export type AesKey = Extract<OpeningKey, { type: 'aes' }>
export type KmsKey = Extract<OpeningKey, { type: 'kms' }>

export type MailKey = NaclKey | RsaKey | AesKey | KmsKey

/** The key of a NaCl secret key of 32 bytes. Throws UserError for another length. */
export function naclKey(secretKey: Uint8Array): NaclKey {
  const { publicKey } = keyPairOf(secretKey)
  return hiding({ type: 'nacl', id: hex(keyId(publicKey)), publicKey } as const, { secretKey })
}

/** An RSA private key: PEM (PKCS #8 or PKCS #1, without a passphrase) or a JSON Web Key. Throws UserError. */
export function rsaKey(key: string | JsonWebKey): RsaKey {
  if (typeof key === 'string')
    return hiding({ type: 'rsa' } as const, { secret: parseRsaPrivateKey(key) })
  if (key.kty !== 'RSA' || typeof key['d'] !== 'string') {
    throw new UserError(
      'This JSON Web Key is not an RSA private key: it should have kty RSA and d.',
    )
  }
  // What it was made for (alg, use, key_ops) would keep Web Crypto from decrypting with it.
  const names = ['kty', 'n', 'e', 'd', 'p', 'q', 'dp', 'dq', 'qi'] as const
  const secret: JsonWebKey = Object.fromEntries(names.map((name) => [name, key[name]]))
  return hiding({ type: 'rsa' } as const, { secret })
}

/** An AES key: 16, 24 or 32 bytes, or a JSON Web Key. Throws UserError. */
export function aesKey(key: Uint8Array | JsonWebKey): AesKey {
  const secret = key instanceof Uint8Array ? new Uint8Array(key) : octetsOf(key)
  if ([16, 24, 32].includes(secret.length)) return hiding({ type: 'aes' } as const, { secret })
  throw new UserError(`An AES key has 16, 24 or 32 bytes, and this one has ${secret.length}.`)
}

/**
 * A key that AWS KMS keeps: `decryptDataKey` asks it, as kmsDecrypt(client) does. With `context`, only
 * objects whose encryption context has exactly these pairs are opened; AWS's own are left out.
 */
export function kmsKey(
  decryptDataKey: DecryptDataKey,
  { context }: { readonly context?: Context } = {},
): KmsKey {
  return { type: 'kms', decryptDataKey, context }
}

function hiding<Shown extends object, Hidden extends object>(
  shown: Shown,
  hidden: Hidden,
): Shown & Hidden {
  const described = Object.entries(hidden).map(([name, value]) => [name, { value }])
  return Object.defineProperties(shown, Object.fromEntries(described)) as Shown & Hidden
}

/** RFC 7518 §6.4: base64url. */
function octetsOf({ kty, k }: JsonWebKey): Uint8Array<ArrayBuffer> {
  if (kty !== 'oct' || typeof k !== 'string' || !/^[A-Za-z0-9_-]*$/.test(k)) {
    throw new UserError('This JSON Web Key is not an AES key: it should have kty oct and k.')
  }
  const base64 = k.replaceAll('-', '+').replaceAll('_', '/')
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}

/**
 * The key in a file, told by what it holds: the line that `postern keys new` writes, an RSA private key
 * in PEM, a JSON Web Key, or the 16, 24 or 32 octets of an AES key. Node, Deno and Bun. Throws UserError
 * when it cannot be read, is no secret key, or when others than its owner may read it.
 */
export async function readKey(path: string): Promise<MailKey> {
  const octets = await readPrivately(path)
  try {
    return keyOf(octets)
  } catch (error) {
    if (error instanceof UserError) throw new UserError(`${path}: ${error.message}`)
    throw error
  }
}

function keyOf(octets: Uint8Array): MailKey {
  if ([16, 24, 32].includes(octets.length)) return aesKey(octets)
  const text = new TextDecoder().decode(octets)
  if (text.includes('-----BEGIN ')) return rsaKey(text)
  if (text.trimStart().startsWith('{')) {
    const key = parseJson(text)
    return key.kty === 'oct' ? aesKey(key) : rsaKey(key)
  }
  return naclKey(parseSecretKey(text).secretKey)
}

function parseJson(text: string): JsonWebKey {
  try {
    return JSON.parse(text) as JsonWebKey
  } catch {
    throw new UserError('This is not a JSON Web Key: it is not JSON.')
  }
}

/** The key id as people and JSON see it. */
export function hex(bytes: Uint8Array): string {
  return Array.from(bytes, (byte) => byte.toString(16).padStart(2, '0')).join('')
}

/** The longest is an RSA key of 16384 bits; more is some other file, and nothing to read whole. */
const LONGEST = 16_384

async function readPrivately(path: string): Promise<Uint8Array> {
  const { open } = files(path)
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
    return await file.readFile()
  } catch (error) {
    if (error instanceof UserError) throw error
    throw new UserError(`The key file ${path} cannot be read (${errorCode(error) ?? error}).`)
  } finally {
    await file.close()
  }
}

/** Without naming the module in an import: a browser's bundler has nothing to resolve. */
function files(path: string): typeof import('node:fs/promises') {
  if (typeof process !== 'undefined' && typeof process.getBuiltinModule === 'function')
    return process.getBuiltinModule('node:fs/promises')
  throw new UserError(
    `There are no files here to read ${path} from: give what is in it to naclKey(), rsaKey() or aesKey().`,
  )
}
