/**
 * What sealing is measured by: the primitives that the formats prescribe, called directly over prepared
 * buffers in the fastest ways that are known, with nothing around them: no streams, no header, no metadata,
 * nothing kept.
 */
import {
  createCipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
} from 'node:crypto'
import { createRequire } from 'node:module'
import nacl from 'tweetnacl'

/** The calls that one message of these octets takes. */
export type Raw = (message: Uint8Array) => void

const CHUNK = 65_536
const key = new Uint8Array(randomBytes(32))
const nonce = new Uint8Array(24)
const iv = new Uint8Array(12).fill(1)
const bound = Uint8Array.of(0, 0x73)
/** What an envelope for one key hashes: its header without the commitment, then label, file key and that hash. */
const [header, label] = [new Uint8Array(106), new Uint8Array(123)]

/** The message's own cipher calls. */
export function gcm(message: Uint8Array): void {
  const cipher = createCipheriv('aes-256-gcm', createSecretKey(key), iv)
  cipher.setAAD(bound)
  for (const chunk of chunksOf(message)) cipher.update(chunk)
  cipher.final()
  cipher.getAuthTag()
}

/** What is random; the wrap; two derivations in v3; the cipher. */
export function s3ecPrimitives(version: 'v3' | 'v2', wrap: () => void): Raw {
  return (message) => {
    const dataKey = randomBytes(72)
    wrap()
    if (version === 'v3') {
      const input = createSecretKey(dataKey)
      hkdfSync('sha512', input, iv, label, 32)
      hkdfSync('sha512', input, iv, label, 28)
    }
    gcm(message)
  }
}

/** OAEP with SHA-1, Node's default. */
export function rsaWrap(publicKey: KeyObject): () => void {
  const plain = new Uint8Array(36)
  return () => void publicEncrypt(publicKey, plain)
}

const wrapping = createSecretKey(key)
export function aesWrap(): void {
  const cipher = createCipheriv('aes-256-gcm', wrapping, iv)
  cipher.setAAD(bound)
  cipher.update(key)
  cipher.final()
  cipher.getAuthTag()
}

/** An envelope's calls by one library, for one key. */
export type NaclCalls = { readonly cipher: Raw; readonly primitives: Raw }

/** File key, ephemeral key, its public half, the wrap, two hashes; the chunks. */
export function tweetnaclCalls(publicKey: Uint8Array): NaclCalls {
  const cipher: Raw = (message) => {
    for (const chunk of chunksOf(message)) nacl.secretbox(chunk, nonce, key)
  }
  return {
    cipher,
    primitives(message) {
      const [fileKey, secretKey] = [nacl.randomBytes(32), nacl.randomBytes(32)]
      nacl.scalarMult.base(secretKey)
      nacl.box(fileKey, nonce, publicKey, secretKey)
      nacl.hash(header)
      nacl.hash(label)
      cipher(message)
    },
  }
}

/** `undefined` where sodium-native is not installed. */
export function sodiumCalls(publicKey: Uint8Array): NaclCalls | undefined {
  const sodium = requireSodium()
  if (sodium === undefined) return undefined
  const [fileKey, secretKey, epk] = [new Uint8Array(32), new Uint8Array(32), new Uint8Array(32)]
  const [wrap, hash, box] = [new Uint8Array(48), new Uint8Array(64), new Uint8Array(CHUNK + 16)]
  const cipher: Raw = (message) => {
    for (const chunk of chunksOf(message)) {
      sodium['crypto_secretbox_easy']?.(box.subarray(0, chunk.length + 16), chunk, nonce, key)
    }
  }
  return {
    cipher,
    primitives(message) {
      sodium['randombytes_buf']?.(fileKey)
      sodium['randombytes_buf']?.(secretKey)
      sodium['crypto_scalarmult_base']?.(epk, secretKey)
      sodium['crypto_box_easy']?.(wrap, fileKey, nonce, publicKey, secretKey)
      sodium['crypto_hash_sha512']?.(hash, header)
      sodium['crypto_hash_sha512']?.(hash, label)
      cipher(message)
    },
  }
}

type Sodium = Readonly<Record<string, (...buffers: Uint8Array[]) => void>>

function requireSodium(): Sodium | undefined {
  try {
    return createRequire(import.meta.url)('sodium-native') as Sodium
  } catch {
    return undefined
  }
}

function chunksOf(message: Uint8Array): Uint8Array[] {
  return Array.from({ length: Math.max(1, Math.ceil(message.length / CHUNK)) }, (_, index) =>
    message.subarray(index * CHUNK, (index + 1) * CHUNK),
  )
}
