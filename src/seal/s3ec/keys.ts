/**
 * From a wrapped data key to the data key, by the keys that a reader may have. Web Crypto, so that it
 * runs in browsers; only what v1 wrote with ECB or PKCS #1 v1.5 needs Node. Yields a data key or
 * `undefined` for a key that does not fit.
 */
import { errorCode } from '../../errors.ts'
import { S3ecError } from './error.ts'
import { boundTo, type Context, DATA_KEY, RESERVED_CONTEXT, type Sealing } from './format.ts'

type Bytes = Uint8Array<ArrayBuffer>

/**
 * What KMS does: gives the data key for its encrypted form, if the encryption context is the one it
 * was made with. Throws what AWS's client throws.
 */
export type DecryptDataKey = (encryptedKey: Uint8Array, context: Context) => Promise<Uint8Array>

/** RFC 7517; of an RSA private key the fields of RFC 7518 §6.3. */
export type JsonWebKey = { readonly kty?: string; readonly [name: string]: unknown }

/** An RSA private key: PKCS #8 in DER, or a JSON Web Key. */
export type RsaSecret = Bytes | JsonWebKey

/** A key that opens what an S3 Encryption Client sealed. */
export type OpeningKey =
  | { readonly type: 'rsa'; readonly secret: RsaSecret }
  | { readonly type: 'aes'; readonly secret: Bytes }
  | {
      readonly type: 'kms'
      readonly decryptDataKey: DecryptDataKey
      /** The user's pairs that the encryption context must have, no more and no less. */
      readonly context?: Context | undefined
    }

type Unwrap = (key: OpeningKey, sealing: Sealing) => Promise<Bytes | undefined>

const unwraps: Readonly<Record<Sealing['wrap'], Unwrap>> = {
  async 'RSA-OAEP-SHA1'(key, sealing) {
    if (key.type !== 'rsa') return undefined
    const bound = await decrypted('RSA-OAEP', key.secret, sealing.encryptedKey)
    return bound && withoutBinding(bound, boundTo(sealing.version))
  },
  async 'AES/GCM'(key, { encryptedKey, version }) {
    if (key.type !== 'aes' || encryptedKey.length < 12) return undefined
    const secret = await imported(key.secret, 'AES-GCM')
    const additionalData = new TextEncoder().encode(boundTo(version))
    const how = { name: 'AES-GCM', iv: encryptedKey.slice(0, 12), additionalData }
    return unlessRefused(crypto.subtle.decrypt(how, secret, encryptedKey.slice(12)))
  },
  async 'kms+context'(key, sealing) {
    if (key.type !== 'kms') return undefined
    const { [RESERVED_CONTEXT]: algorithm, ...pairs } = sealing.context
    if (algorithm !== boundTo(sealing.version)) {
      throw new S3ecError('bad-metadata', { subject: RESERVED_CONTEXT })
    }
    if (key.context !== undefined && !samePairs(pairs, key.context)) {
      throw new S3ecError('context-differs')
    }
    return byKms(key.decryptDataKey, sealing)
  },
  /** Amazon SES, and v1 clients: the whole material description is the context. */
  async kms(key, sealing) {
    return key.type === 'kms' ? byKms(key.decryptDataKey, sealing) : undefined
  },
  /** RFC 3394. */
  async AESWrap(key, { encryptedKey }) {
    if (key.type !== 'aes') return undefined
    const secret = await crypto.subtle.importKey('raw', key.secret, 'AES-KW', false, ['unwrapKey'])
    try {
      const wrapped = [encryptedKey, secret, 'AES-KW'] as const
      const dataKey = await crypto.subtle.unwrapKey('raw', ...wrapped, 'AES-GCM', true, ['decrypt'])
      return new Uint8Array(await crypto.subtle.exportKey('raw', dataKey))
    } catch {
      return undefined
    }
  },
  async v1(key, { encryptedKey }) {
    if (key.type === 'kms') return undefined
    const node = nodeCrypto()
    try {
      if (key.type === 'rsa') {
        const secret =
          key.secret instanceof Uint8Array
            ? ({ key: Buffer.from(key.secret), format: 'der', type: 'pkcs8' } as const)
            : ({ key: key.secret, format: 'jwk' } as const)
        const padding = node.constants.RSA_PKCS1_PADDING
        const plain = node.privateDecrypt(
          { key: node.createPrivateKey(secret), padding },
          encryptedKey,
        )
        // RFC 8017 §7.2.2: with another key OpenSSL answers noise, of a length that is noise too.
        return isKeyLength(plain.length) ? new Uint8Array(plain) : undefined
      }
      const decipher = node.createDecipheriv(`aes-${8 * key.secret.length}-ecb`, key.secret, null)
      return new Uint8Array(Buffer.concat([decipher.update(encryptedKey), decipher.final()]))
    } catch (error) {
      // Bun 1.4.5: "RSA_PKCS1_PADDING is no longer supported for private decryption".
      if (errorCode(error) === 'ERR_INVALID_ARG_VALUE') throw needsNode()
      return undefined
    }
  },
}

/** The data key, by the first key that fits. Throws S3ecError; what KMS throws for a moment passes through. */
export async function dataKeyOf(sealing: Sealing, keys: readonly OpeningKey[]): Promise<Bytes> {
  for (const key of keys) {
    const dataKey = await unwraps[sealing.wrap](key, sealing)
    if (dataKey === undefined) continue
    const isCbc = sealing.version === 'legacy' && sealing.content === 'AES/CBC/PKCS5Padding'
    if (isCbc ? isKeyLength(dataKey.length) : dataKey.length === DATA_KEY) return dataKey
    throw new S3ecError('bad-metadata', { subject: 'the data key' })
  }
  throw new S3ecError('no-key-fits', { subject: sealing.wrap })
}

function isKeyLength(length: number): boolean {
  return [16, 24, 32].includes(length)
}

/** `0x20 ‖ data key ‖ algorithm`: who takes a v2 wrap for a v3 one, or the other way, is found out. */
function withoutBinding(bound: Bytes, algorithm: string): Bytes {
  const [length = 0] = bound
  const name = new TextDecoder().decode(bound.subarray(1 + length))
  if (name !== algorithm) throw new S3ecError('bad-commitment')
  return bound.slice(1, 1 + length)
}

async function decrypted(name: 'RSA-OAEP', secret: RsaSecret, data: Bytes) {
  const algorithm = { name, hash: 'SHA-1' }
  const key =
    secret instanceof Uint8Array
      ? await crypto.subtle.importKey('pkcs8', secret, algorithm, false, ['decrypt'])
      : await crypto.subtle.importKey('jwk', secret, algorithm, false, ['decrypt'])
  return unlessRefused(crypto.subtle.decrypt({ name }, key, data))
}

function imported(secret: Bytes, name: 'AES-GCM') {
  return crypto.subtle.importKey('raw', secret, name, false, ['decrypt'])
}

/** Web Crypto rejects for one reason only once the key is imported: the check has failed. */
async function unlessRefused(plain: Promise<ArrayBuffer>): Promise<Bytes | undefined> {
  try {
    return new Uint8Array(await plain)
  } catch {
    return undefined
  }
}

/** AWS's answers that mean: not by this key, or not with this context. */
const unfit = ['InvalidCiphertextException', 'IncorrectKeyException', 'NotFoundException']
/** … and those that only somebody with rights on the key can change. */
const refusals = [
  'AccessDeniedException',
  'DisabledException',
  'KMSInvalidStateException',
  'InvalidKeyUsageException',
]

async function byKms(
  decryptDataKey: DecryptDataKey,
  { encryptedKey, context }: Sealing,
): Promise<Bytes | undefined> {
  try {
    return new Uint8Array(await decryptDataKey(encryptedKey, { ...context }))
  } catch (cause) {
    const name = cause instanceof Error ? cause.name : ''
    if (unfit.includes(name)) return undefined
    if (refusals.includes(name)) throw new S3ecError('kms-refused', { subject: name, cause })
    throw cause
  }
}

function samePairs(one: Context, other: Context): boolean {
  const names = Object.keys(one)
  return (
    names.length === Object.keys(other).length &&
    names.every((name) => Object.hasOwn(other, name) && one[name] === other[name])
  )
}

/** Node's own, without naming the module in an import: a browser's bundler has nothing to resolve. */
function nodeCrypto() {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function') {
    throw needsNode()
  }
  return process.getBuiltinModule('node:crypto')
}

function needsNode(): S3ecError {
  return new S3ecError('needs-node', { subject: 'AES/ECB or RSA PKCS #1 v1.5' })
}
