/**
 * The header of Postern envelope v1 (docs/envelope.md): who can open it, and the commitment that
 * ties the header to the content. Bytes in, bytes out; `Reader` is the only input that waits.
 *
 *   "PSTRNBX" 01 (8) | epk (32) | n u16be | n × ( kid (16) | wrap (48) ) | commit (32)
 */
import { fastestBackend } from './backend.ts'
import { concat } from './bytes.ts'
import { EnvelopeError } from './envelope-error.ts'
import type { KeyPair, NaclBackend, PublicKey } from './nacl.ts'
import type { Reader } from './reader.ts'

/** Bounds the header that a reader buffers, and the X25519 work a hostile one can ask for. */
export const MAX_KEYS = 64
export const FIXED = 42
export const ENTRY = 64
export const COMMIT = 32
const KEY = 32
const KEY_ID = 16
const EPK = 8

const ascii = new TextEncoder()
const MAGIC = ascii.encode('PSTRNBX\x01')
const KEY_ID_LABEL = ascii.encode('postern-envelope-v1 key id')
const PAYLOAD_LABEL = ascii.encode('postern-envelope-v1 payload')
const WRAP_NONCE = ascii.encode('postern-envelope-v1-wrap')

/** The 16 bytes by which a header names a public key. */
export function keyId(publicKey: PublicKey, backend: NaclBackend = fastestBackend()): Uint8Array {
  return backend.hash(concat([KEY_ID_LABEL, publicKey])).subarray(0, KEY_ID)
}

/** A header for these keys, and the payload key, which the caller clears after use. */
export function sealHeader(
  publicKeys: readonly PublicKey[],
  backend: NaclBackend,
  random: (length: number) => Uint8Array,
): { readonly header: Uint8Array; readonly payloadKey: Uint8Array } {
  checkCount(publicKeys.length)
  checkLengths(publicKeys)
  const fileKey = random(KEY)
  const ephemeralKey = random(KEY)
  const header = new Uint8Array(FIXED + ENTRY * publicKeys.length + COMMIT)
  header.set(MAGIC)
  header.set(backend.publicKey(ephemeralKey), EPK)
  new DataView(header.buffer).setUint16(FIXED - 2, publicKeys.length)
  for (const [index, publicKey] of publicKeys.entries()) {
    const wrap = backend.box(fileKey, WRAP_NONCE, publicKey, ephemeralKey)
    if (wrap === undefined) throw new EnvelopeError('weak-public-key')
    header.set(keyId(publicKey, backend), FIXED + ENTRY * index)
    header.set(wrap, FIXED + ENTRY * index + KEY_ID)
  }
  const { payloadKey, commit } = derive(fileKey, header, backend)
  header.set(commit, header.length - COMMIT)
  fileKey.fill(0)
  ephemeralKey.fill(0)
  return { header, payloadKey }
}

/** Reads a header whole. Refuses one that is none before it has read more than 42 bytes. */
export async function readHeader(reader: Reader): Promise<Uint8Array> {
  const fixed = new Uint8Array(await reader.read(FIXED))
  const start = fixed.subarray(0, MAGIC.length)
  const wrong = start.findIndex((byte, index) => byte !== MAGIC[index])
  if (wrong !== -1) throw new EnvelopeError(wrong < 7 ? 'bad-magic' : 'unknown-version')
  if (fixed.length < FIXED) throw new EnvelopeError('truncated')
  const count = new DataView(fixed.buffer).getUint16(FIXED - 2)
  checkCount(count)
  const rest = await reader.read(ENTRY * count + COMMIT)
  if (rest.length < ENTRY * count + COMMIT) throw new EnvelopeError('truncated')
  return concat([fixed, rest])
}

/** The payload key under a header as `readHeader` gives it, which the caller clears after use. */
export function openHeader(
  header: Uint8Array,
  keys: readonly KeyPair[],
  backend: NaclBackend,
): Uint8Array {
  checkLengths(keys.flatMap((key) => [key.publicKey, key.secretKey]))
  const fileKey = unwrap(header, keys, backend)
  const { payloadKey, commit } = derive(fileKey, header, backend)
  fileKey.fill(0)
  if (!backend.equal(commit, header.subarray(-COMMIT))) throw new EnvelopeError('bad-commitment')
  return payloadKey
}

function unwrap(header: Uint8Array, keys: readonly KeyPair[], backend: NaclBackend): Uint8Array {
  const epk = header.subarray(EPK, EPK + KEY)
  const own = keys.map((key) => ({ id: keyId(key.publicKey, backend), secret: key.secretKey }))
  let named = false
  for (let at = FIXED; at < header.length - COMMIT; at += ENTRY) {
    const id = header.subarray(at, at + KEY_ID)
    for (const key of own.filter((each) => backend.equal(each.id, id))) {
      named = true
      const wrap = header.subarray(at + KEY_ID, at + ENTRY)
      const fileKey = backend.boxOpen(wrap, WRAP_NONCE, epk, key.secret)
      if (fileKey !== undefined) return fileKey
    }
  }
  throw new EnvelopeError(named ? 'wrap-failed' : 'no-key-fits')
}

/** Payload key and commitment from the file key and everything in the header but the commitment. */
function derive(fileKey: Uint8Array, header: Uint8Array, backend: NaclBackend) {
  const input = concat([PAYLOAD_LABEL, fileKey, backend.hash(header.subarray(0, -COMMIT))])
  const derived = backend.hash(input)
  input.fill(0)
  return { payloadKey: derived.subarray(0, KEY), commit: derived.subarray(KEY) }
}

function checkCount(count: number): void {
  if (count === 0) throw new EnvelopeError('no-keys')
  if (count > MAX_KEYS) throw new EnvelopeError('too-many-keys')
}

function checkLengths(keys: readonly Uint8Array[]): void {
  if (keys.some((key) => key.length !== KEY)) throw new EnvelopeError('bad-key')
}
