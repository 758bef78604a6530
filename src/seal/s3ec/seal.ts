/**
 * Seals a message in a format of Amazon's S3 Encryption Clients, as a stream: metadata first, which needs no
 * more than a fresh data key, then ciphertext of the same length, then 16 bytes of tag. Node's own
 * cipher; holds one piece. Writes v3 and v2, never v1, never a wrap by KMS without context.
 */
import {
  createCipheriv,
  createSecretKey,
  hkdfSync,
  type KeyObject,
  publicEncrypt,
  randomBytes,
  randomFillSync,
} from 'node:crypto'
import { turns } from '../turns.ts'
import { COMMIT_INFO, CONTENT_INFO, V3_IV } from './derive.ts'
import {
  boundTo,
  COMMITMENT,
  type Context,
  DATA_KEY,
  MESSAGE_ID,
  metadataOf,
  RESERVED_CONTEXT,
  type S3ecVersion,
  type Sealing,
  SUITE_ID,
  TAG,
  type Wrap,
} from './format.ts'

type Bytes = Uint8Array<ArrayBuffer>

/** A data key in both forms, as KMS's GenerateDataKey gives it. */
export type GeneratedKey = { readonly dataKey: Uint8Array; readonly encryptedKey: Uint8Array }

/** What an object is sealed to. `context` is written into the metadata: not secret, US-ASCII. */
export type SealingKey = { readonly version: S3ecVersion; readonly context: Context } & (
  | { readonly type: 'rsa'; readonly publicKey: KeyObject }
  | { readonly type: 'aes'; readonly secret: Uint8Array }
  | {
      readonly type: 'kms'
      /** A fresh key of 256 bits, bound to that context. */
      readonly generateDataKey: (context: Context) => Promise<GeneratedKey>
    }
)

export type SealOptions = {
  /** Octets of the plaintext, if they are known: v2's metadata tells them. */
  readonly length?: number | undefined
  /** For tests only: where data key, the IV of an AES wrap, and message id or IV come from, in this order. */
  readonly random?: ((length: number) => Uint8Array) | undefined
}

export type SealedByS3ec = {
  /** To be put beside the object: without it nobody can open it. */
  readonly metadata: Readonly<Record<string, string>>
  readonly body: AsyncIterable<Uint8Array>
}

/** What is encrypted at a stretch: a larger piece of the source is taken in parts. */
const PIECE = 262_144
/** Octets of an IV of GCM. */
const IV = 12

/** How many bytes are made of `length` bytes. */
export const s3ecLength = (length: number): number => length + TAG

export async function sealS3ec(
  source: AsyncIterable<Uint8Array>,
  key: SealingKey,
  options: SealOptions = {},
): Promise<SealedByS3ec> {
  const given = options.random
  const random =
    given === undefined ? drawnAtOnce() : (length: number) => new Uint8Array(given(length))
  const { version } = key
  const { dataKey, encryptedKey, wrap, context } = await wrapped(key, random)
  const shared = { encryptedKey, wrap, context } as const
  if (version === 'v2') {
    const iv = random(IV)
    const metadata = metadataOf({ version, ...shared, iv }, options.length)
    return { metadata, body: encrypted(source, { contentKey: keyOf(dataKey), iv }) }
  }
  const messageId = random(MESSAGE_ID)
  const input = keyOf(dataKey)
  const derived = (info: Uint8Array, length: number): Bytes =>
    new Uint8Array(hkdfSync('sha512', input, messageId, info, length))
  const contentKey = keyOf(derived(CONTENT_INFO, DATA_KEY))
  const commitment = derived(COMMIT_INFO, COMMITMENT)
  const metadata = metadataOf({ version, ...shared, commitment, messageId })
  return { metadata, body: encrypted(source, { contentKey, iv: V3_IV, bound: SUITE_ID }) }
}

/** What one message draws, in one call: each call takes 4 µs of some 60, however few octets. None is given twice. */
function drawnAtOnce(): (length: number) => Bytes {
  const drawn = randomFillSync(new Uint8Array(DATA_KEY + MESSAGE_ID + IV))
  let taken = 0
  return (length) => {
    taken += length
    if (taken > drawn.length) throw new Error('a message draws no more')
    return drawn.subarray(taken - length, taken)
  }
}

/**
 * The key as Node keeps it, which clears its memory when it lets go of it; `octets` are cleared here. Given
 * octets, Node learns from an exception that they are no KeyObject: 11 µs at each call that takes a key, and
 * with the calls below 40 to 60 of the 100 to 160 µs that 64 KiB took.
 */
function keyOf(octets: Uint8Array): KeyObject {
  const key = createSecretKey(octets)
  octets.fill(0)
  return key
}

type WrappedKey = Pick<Sealing, 'encryptedKey' | 'context'> & {
  readonly dataKey: Bytes
  readonly wrap: Wrap
}

async function wrapped(key: SealingKey, random: (length: number) => Bytes): Promise<WrappedKey> {
  const { context, version } = key
  if (key.type === 'kms') {
    const bound = { ...context, [RESERVED_CONTEXT]: boundTo(version) }
    const { dataKey, encryptedKey } = await key.generateDataKey(bound)
    if (dataKey.length !== DATA_KEY) throw new Error('KMS gave a data key of another length')
    const copies = { dataKey: new Uint8Array(dataKey), encryptedKey: new Uint8Array(encryptedKey) }
    return { ...copies, context: bound, wrap: 'kms+context' }
  }
  const dataKey = random(DATA_KEY)
  return { ...rewrapped(key, dataKey, random), dataKey }
}

/** A data key wrapped by a key that needs nobody's help; what KMS wraps KMS has made. */
export function rewrapped(
  key: Extract<SealingKey, { type: 'rsa' | 'aes' }>,
  dataKey: Uint8Array,
  random: (length: number) => Uint8Array = randomBytes,
): Pick<WrappedKey, 'encryptedKey' | 'context' | 'wrap'> {
  const { context } = key
  const algorithm = Buffer.from(boundTo(key.version))
  if (key.type === 'rsa') {
    const plain = Buffer.concat([Uint8Array.of(dataKey.length), dataKey, algorithm])
    // OAEP with SHA-1 is Node's default; saying so in an object would cost 16 µs of 59 (see keyOf).
    const encryptedKey = publicEncrypt(key.publicKey, plain)
    plain.fill(0)
    return { encryptedKey: new Uint8Array(encryptedKey), context, wrap: 'RSA-OAEP-SHA1' }
  }
  const iv = random(IV)
  const cipher = createCipheriv(gcm(key.secret), createSecretKey(key.secret), iv).setAAD(algorithm)
  const ciphertext = Buffer.concat([cipher.update(dataKey), cipher.final()])
  const encryptedKey = new Uint8Array(Buffer.concat([iv, ciphertext, cipher.getAuthTag()]))
  return { encryptedKey, context, wrap: 'AES/GCM' }
}

const gcm = (secret: Uint8Array) => `aes-${8 * secret.length}-gcm` as 'aes-256-gcm'

async function* encrypted(
  source: AsyncIterable<Uint8Array>,
  { contentKey, iv, bound }: { contentKey: KeyObject; iv: Uint8Array; bound?: Uint8Array },
): AsyncGenerator<Uint8Array> {
  const turn = turns()
  const cipher = createCipheriv('aes-256-gcm', contentKey, iv)
  if (bound !== undefined) cipher.setAAD(bound)
  for await (const piece of source) {
    for (let at = 0; at < piece.length; at += PIECE) {
      yield cipher.update(piece.subarray(at, at + PIECE))
      if (turn.isDue()) await turn.next()
    }
  }
  cipher.final()
  yield cipher.getAuthTag()
}
