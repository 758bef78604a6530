/**
 * The fast backend: sodium-native, an optional dependency. About ten times as fast as tweetnacl,
 * with the same bytes. This file names no Node module in an import, so that a browser's bundler has
 * nothing to resolve; where Node or the package is missing, it says so and does nothing else.
 */
import { describeError } from '../errors.ts'
import type { NaclBackend } from './nacl.ts'

/** What is used of sodium-native 5, which has no types. Results are written into the first argument. */
type Sodium = {
  randombytes_buf(out: Uint8Array): void
  crypto_scalarmult_base(publicKey: Uint8Array, secretKey: Uint8Array): void
  crypto_box_easy(box: Uint8Array, message: Uint8Array, ...rest: Uint8Array[]): void
  crypto_box_open_easy(message: Uint8Array, box: Uint8Array, ...rest: Uint8Array[]): boolean
  crypto_secretbox_easy(box: Uint8Array, message: Uint8Array, ...rest: Uint8Array[]): void
  crypto_secretbox_open_easy(message: Uint8Array, box: Uint8Array, ...rest: Uint8Array[]): boolean
  crypto_hash_sha512(out: Uint8Array, message: Uint8Array): void
  sodium_memcmp(a: Uint8Array, b: Uint8Array): boolean
}

const TAG = 16

/** The backend, or `undefined` and the reason why this machine has none. Never throws. */
export function loadSodium(load: () => unknown = requireSodium): {
  readonly backend: NaclBackend | undefined
  readonly reason: string
} {
  try {
    return { backend: backendOf(load() as Sodium), reason: 'sodium-native is installed' }
  } catch (error) {
    return { backend: undefined, reason: `sodium-native does not load: ${describeError(error)}` }
  }
}

/** Throws in a browser (no `process`, or a stand-in without this function) as it does when not installed. */
function requireSodium(): unknown {
  return process.getBuiltinModule('node:module').createRequire(import.meta.url)('sodium-native')
}

/** Memory for a result, not cleared first: clearing 64 KiB would cost an eighth of sealing it. */
function room(length: number): Uint8Array {
  return new Uint8Array(Buffer.allocUnsafeSlow(length).buffer)
}

function backendOf(sodium: Sodium): NaclBackend {
  return {
    name: 'sodium-native',
    random(length) {
      const out = new Uint8Array(length)
      sodium.randombytes_buf(out)
      return out
    },
    publicKey(secretKey) {
      const publicKey = new Uint8Array(32)
      sodium.crypto_scalarmult_base(publicKey, secretKey)
      return publicKey
    },
    box(message, nonce, publicKey, secretKey) {
      const out = new Uint8Array(message.length + TAG)
      try {
        sodium.crypto_box_easy(out, message, nonce, publicKey, secretKey)
      } catch (error) {
        // sodium-native 5.1.0 throws this when libsodium answers -1: a key of small order.
        if (error instanceof Error && error.message === 'status: -1') return undefined
        throw error
      }
      return out
    },
    boxOpen(box, nonce, publicKey, secretKey) {
      const out = room(box.length - TAG)
      return sodium.crypto_box_open_easy(out, box, nonce, publicKey, secretKey) ? out : undefined
    },
    secretbox: (box, message, nonce, key) => sodium.crypto_secretbox_easy(box, message, nonce, key),
    secretboxOpen(box, nonce, key) {
      const out = room(box.length - TAG)
      return sodium.crypto_secretbox_open_easy(out, box, nonce, key) ? out : undefined
    },
    hash(message) {
      const out = new Uint8Array(64)
      sodium.crypto_hash_sha512(out, message)
      return out
    },
    equal: (a, b) => sodium.sodium_memcmp(a, b),
    room,
  }
}
