/**
 * The NaCl primitives that an envelope needs, and their reference implementation: tweetnacl, which
 * runs wherever JavaScript does. Every backend gives the same bytes for the same input and refuses
 * the same input (test/unit/seal/backend.test.ts), so which one runs shows only in the speed.
 */
import nacl from 'tweetnacl'

/** An X25519 public key, 32 bytes. */
export type PublicKey = Uint8Array

/** Both halves of an X25519 key, 32 bytes each. */
export type KeyPair = { readonly publicKey: PublicKey; readonly secretKey: Uint8Array }

/**
 * Inputs have the lengths that NaCl asks for; the callers in this folder see to that. Results are
 * fresh arrays that belong to the caller. `undefined` means refused, never an exception.
 */
export interface NaclBackend {
  readonly name: 'tweetnacl' | 'sodium-native'
  /** That many bytes from the system's generator. */
  random(length: number): Uint8Array
  /** The public key of a secret key. */
  publicKey(secretKey: Uint8Array): PublicKey
  /** crypto_box; refuses a public key of small order, with which anybody could open the box. */
  box(
    message: Uint8Array,
    nonce: Uint8Array,
    publicKey: PublicKey,
    secretKey: Uint8Array,
  ): Uint8Array | undefined
  boxOpen(
    box: Uint8Array,
    nonce: Uint8Array,
    publicKey: PublicKey,
    secretKey: Uint8Array,
  ): Uint8Array | undefined
  /** Writes into `box`, 16 bytes longer than `message`, which may lie in it, at 16. */
  secretbox(box: Uint8Array, message: Uint8Array, nonce: Uint8Array, key: Uint8Array): void
  secretboxOpen(box: Uint8Array, nonce: Uint8Array, key: Uint8Array): Uint8Array | undefined
  /** SHA-512. */
  hash(message: Uint8Array): Uint8Array
  /** Whether two arrays of one length are equal, in constant time. */
  equal(a: Uint8Array, b: Uint8Array): boolean
  /** Memory to be overwritten whole, with anything in it. */
  room(length: number): Uint8Array
}

/**
 * What crypto_box makes of an all-zero X25519 result. RFC 7748 §6.1 lets an implementation refuse
 * that result; libsodium does and tweetnacl does not, so it is done here.
 */
const ZERO_RESULT = nacl.box.before(new Uint8Array(32), new Uint8Array(32))

function sharedKey(publicKey: PublicKey, secretKey: Uint8Array): Uint8Array | undefined {
  const shared = nacl.box.before(publicKey, secretKey)
  return nacl.verify(shared, ZERO_RESULT) ? undefined : shared
}

export const tweetnaclBackend: NaclBackend = {
  name: 'tweetnacl',
  random: (length) => nacl.randomBytes(length),
  publicKey: (secretKey) => nacl.scalarMult.base(secretKey),
  box(message, nonce, publicKey, secretKey) {
    const shared = sharedKey(publicKey, secretKey)
    return shared && nacl.box.after(message, nonce, shared)
  },
  boxOpen(box, nonce, publicKey, secretKey) {
    const shared = sharedKey(publicKey, secretKey)
    return (shared && nacl.box.open.after(box, nonce, shared)) ?? undefined
  },
  secretbox: (box, message, nonce, key) => box.set(nacl.secretbox(message, nonce, key)),
  secretboxOpen: (box, nonce, key) => nacl.secretbox.open(box, nonce, key) ?? undefined,
  hash: (message) => nacl.hash(message),
  equal: (a, b) => nacl.verify(a, b),
  room: (length) => new Uint8Array(length),
}
