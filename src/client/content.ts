/**
 * From the octets of an object to its content. Tells the format by the content first: metadata is not
 * authenticated and cannot make an envelope anything else. Holds one chunk, and yields nothing of an
 * envelope that has not passed its check.
 */
import { EnvelopeError, MAX_KEYS, open, sealedLength } from '../seal/envelope.ts'
import { MailboxError } from './errors.ts'
import { explainEnvelope } from './explain-envelope.ts'
import { hex, type MailKey } from './keys.ts'
import { atLeast, type Lookahead, lookahead } from './lookahead.ts'
import type { Metadata } from './metadata.ts'

/** An object as a store hands it over. */
export type SealedObject = {
  readonly body: AsyncIterable<Uint8Array>
  /** Octets of the body. */
  readonly size: number
  readonly contentType: string | undefined
  readonly metadata: Metadata
}

export type Content = {
  readonly content: AsyncGenerator<Uint8Array>
  /** Octets of the content if the object is whole; the end of `content` proves it. */
  readonly length: number
  /** Whether it was an envelope; false for a message that was stored in plaintext. */
  readonly sealed: boolean
  /** Lets go of the body when `content` is not read. */
  readonly release: () => Promise<void>
}

/** docs/envelope.md: magic and version (8), epk (32), n (2), then n entries of kid (16) and wrap (48). */
const MAGIC = 'PSTRNBX'
const FIXED = 42
const ENTRY = 64
const KEY_ID = 16
const CHUNK = 65536
const TAG = 16

/** What Amazon's S3 encryption clients write, newest first. */
const AMAZON = ['x-amz-3', 'x-amz-key-v2', 'x-amz-key']

export async function openContent(
  object: SealedObject,
  keys: readonly MailKey[],
): Promise<Content> {
  const start = lookahead(object.body)
  const release = start.release
  try {
    const head = await atLeast(start, FIXED)
    if (!beginsWith(head, MAGIC)) {
      requirePlaintext(object)
      return { content: start.from(0), length: object.size, sealed: false, release }
    }
    const keyIds = await keyIdsOf(start)
    const overhead = sealedLength(0, keyIds.length) - TAG
    const length = plainLength(object.size - overhead)
    return { content: opened(start, keys, keyIds), length, sealed: true, release }
  } catch (error) {
    await release()
    throw error
  }
}

function beginsWith(bytes: Uint8Array, ascii: string): boolean {
  return [...ascii].every((each, index) => bytes[index] === each.charCodeAt(0))
}

function requirePlaintext({ contentType = '', metadata }: SealedObject): void {
  const amazon = AMAZON.find((name) => metadata[name] !== undefined)
  if (amazon !== undefined) {
    throw new MailboxError(
      'unsupported-format',
      `This object is in a format of Amazon's S3 encryption clients (metadata ${amazon}), and this release opens Postern envelopes only: use an AWS encryption client.`,
    )
  }
  if (/^message\/rfc822\s*(;|$)/i.test(contentType)) return
  throw new MailboxError(
    'not-postern',
    'This object is neither a Postern envelope nor a message: its content does not begin as one, and its content type is not message/rfc822.',
  )
}

/** The ids in the header, so that an error can name them; a header that is cut is left to `open`. */
async function keyIdsOf(start: Lookahead): Promise<string[]> {
  const fixed = start.bytes()
  if (fixed.length < FIXED) return []
  const count = Math.min(MAX_KEYS, ((fixed[FIXED - 2] ?? 0) << 8) | (fixed[FIXED - 1] ?? 0))
  const head = await atLeast(start, FIXED + ENTRY * count)
  const ids = Array.from({ length: count }, (_, index) => {
    const at = FIXED + ENTRY * index
    return hex(head.slice(at, at + KEY_ID))
  })
  return ids.filter((id) => id.length === 2 * KEY_ID)
}

/** The inverse of `sealedLength`: what so many octets of chunks hold. */
function plainLength(chunks: number): number {
  return chunks - TAG * Math.max(1, Math.ceil(chunks / (CHUNK + TAG)))
}

async function* opened(
  start: Lookahead,
  keys: readonly MailKey[],
  keyIds: readonly string[],
): AsyncGenerator<Uint8Array> {
  try {
    yield* open(start.from(0), keys)
  } catch (error) {
    throw error instanceof EnvelopeError ? explainEnvelope(error, keys, keyIds) : error
  }
}
