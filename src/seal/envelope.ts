/**
 * Seals and opens Postern envelope v1 (docs/envelope.md), as streams. Bytes in, bytes out: touches no
 * disk, no network and no clock, runs in a browser, and holds four chunks however long the message.
 *
 * `open` yields nothing that has not passed its check, and ends without an error only when the whole
 * message was there: who keeps bytes before that end keeps a part. It does not say who sealed.
 * Either one lets go of its source when the consumer stops early or the source is refused.
 */
import { fastestBackend } from './backend.ts'
import { EnvelopeError, type EnvelopeReason } from './envelope-error.ts'
import { COMMIT, ENTRY, FIXED, openHeader, readHeader, sealHeader } from './header.ts'
import type { KeyPair, NaclBackend, PublicKey } from './nacl.ts'
import { readerOf } from './reader.ts'
import { turns } from './turns.ts'

export { EnvelopeError, type EnvelopeReason, envelopeReasons } from './envelope-error.ts'
export { keyId, MAX_KEYS } from './header.ts'
export type { KeyPair, NaclBackend, PublicKey } from './nacl.ts'

const CHUNK = 65536
const TAG = 16
/** Plaintext of what is yielded at once when the length is known: every write costs a store 40 µs, too. */
const PIECE = 4 * CHUNK

export type OpenOptions = {
  /** The fastest of this machine unless given. */
  readonly backend?: NaclBackend | undefined
}

export type SealOptions = OpenOptions & {
  /** Octets of the message, if they are known: then larger pieces come out, and another length is an error. */
  readonly length?: number | undefined
  /** For tests only: where the file key and then the ephemeral secret key come from. */
  readonly random?: ((length: number) => Uint8Array) | undefined
}

/** How many bytes `seal` makes of `length` bytes for that many keys; an empty message has one chunk too. */
export function sealedLength(length: number, keys: number): number {
  return FIXED + ENTRY * keys + COMMIT + boxed(length)
}

/** Octets of the chunks of so much plaintext. */
function boxed(length: number): number {
  return length + TAG * Math.max(1, Math.ceil(length / CHUNK))
}

/**
 * Seals a message so that the holder of any one of 1 to 64 keys can open it. Yields the header with the
 * first chunks, then the others; the pieces of `source` may have any size. Throws EnvelopeError for unfit keys.
 */
export async function* seal(
  source: AsyncIterable<Uint8Array>,
  publicKeys: readonly PublicKey[],
  options: SealOptions = {},
): AsyncGenerator<Uint8Array> {
  const { backend = fastestBackend(), length } = options
  const reader = readerOf(source)
  let payloadKey: Uint8Array | undefined
  try {
    // Read before anything can fail: a Node stream whose iterator never ran cannot be let go of.
    await reader.ended()
    const sealed = sealHeader(publicKeys, backend, options.random ?? backend.random)
    payloadKey = sealed.payloadKey
    const most = length === undefined ? CHUNK : PIECE
    let left = length ?? Number.POSITIVE_INFINITY
    let out = backend.room(sealed.header.length + boxed(Math.min(left, most)))
    out.set(sealed.header)
    let filled = sealed.header.length
    const nonce = chunkNonces()
    const turn = turns()
    for (let index = 0, last = false; !last; index += 1) {
      if (filled === out.length) {
        yield out
        out = backend.room(boxed(Math.min(left, most)))
        filled = 0
      }
      // What comes in several pieces is put together where it is sealed: 64 KiB take some 5 µs of 150 less.
      const chunk = await reader.read(Math.min(left, CHUNK), out.subarray(filled + TAG))
      last = await reader.ended()
      left -= chunk.length
      if (length !== undefined && last !== (left === 0)) {
        throw new Error(`the message has not the ${length} octets announced`)
      }
      const end = filled + TAG + chunk.length
      backend.secretbox(out.subarray(filled, end), chunk, nonce(index, last), payloadKey)
      filled = end
      if (turn.isDue()) await turn.next()
    }
    yield out.subarray(0, filled)
  } finally {
    payloadKey?.fill(0)
    await reader.release()
  }
}

/**
 * Opens an envelope with the first of `keys` that it names. Every refusal is an EnvelopeError; what
 * the source throws passes through.
 */
export async function* open(
  source: AsyncIterable<Uint8Array>,
  keys: readonly KeyPair[],
  options: OpenOptions = {},
): AsyncGenerator<Uint8Array> {
  const backend = options.backend ?? fastestBackend()
  const reader = readerOf(source, CHUNK + TAG)
  let payloadKey: Uint8Array | undefined
  try {
    payloadKey = openHeader(await readHeader(reader), keys, backend)
    const nonce = chunkNonces()
    const turn = turns()
    for (let index = 0, last = false; !last; index += 1) {
      if (turn.isDue()) await turn.next()
      const chunk = await reader.read(CHUNK + TAG)
      if (chunk.length < TAG) throw new EnvelopeError('truncated')
      // Only the end of the stream tells which chunk is the last, so one is always looked ahead.
      last = await reader.ended()
      const plain = backend.secretboxOpen(chunk, nonce(index, last), payloadKey)
      if (plain === undefined) {
        const otherwise = backend.secretboxOpen(chunk, nonce(index, !last), payloadKey)
        throw new EnvelopeError(whyRefused(last, otherwise !== undefined))
      }
      if (plain.length > 0) yield plain
      else if (index > 0) throw new EnvelopeError('empty-chunk')
    }
  } finally {
    payloadKey?.fill(0)
    await reader.release()
  }
}

/** A sound chunk that stands in the wrong place tells what was done to the stream. */
function whyRefused(last: boolean, soundOtherwise: boolean): EnvelopeReason {
  if (!soundOtherwise) return 'chunk-failed'
  return last ? 'truncated' : 'trailing-bytes'
}

/** 15 zero bytes, the chunk's number (u64be), 01 on the last one; one array, overwritten each time. */
function chunkNonces(): (index: number, last: boolean) => Uint8Array {
  const nonce = new Uint8Array(24)
  const view = new DataView(nonce.buffer)
  return (index, last) => {
    view.setBigUint64(15, BigInt(index))
    nonce[23] = last ? 1 : 0
    return nonce
  }
}
