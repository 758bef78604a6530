/**
 * From the octets of an object to its content. Tells the format by the content first: metadata is not
 * authenticated and cannot make an envelope anything else. Yields nothing that has not passed its check:
 * of an envelope it holds one chunk, of the formats of S3 encryption clients the whole.
 */
import { EnvelopeError, MAX_KEYS, open, sealedLength } from '../seal/envelope.ts'
import { NotPosternError } from './errors.ts'
import { explainEnvelope } from './explain-envelope.ts'
import { hex, type MailKey } from './keys.ts'
import { atLeast, type Lookahead, lookahead } from './lookahead.ts'
import { s3ecContent } from './s3ec-content.ts'
import { isMessage, type OpenSettings, type SealedObject } from './sealed-object.ts'

export type Content = {
  readonly content: AsyncGenerator<Uint8Array>
  /** Octets of the content if the object is whole; the end of `content` proves it. */
  readonly length: number
  /** False for a message that was stored in plaintext. */
  readonly sealed: boolean
  /** The encryption context of KMS, which has vouched for it. */
  readonly context?: Readonly<Record<string, string>> | undefined
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

export async function openContent(object: SealedObject, settings: OpenSettings): Promise<Content> {
  const start = lookahead(object.body)
  const release = start.release
  try {
    const keyIds = await envelopeKeyIds(start)
    if (keyIds === undefined) {
      const isSes = settings.legacy === true && beginsAsMessage(start.bytes())
      const described = isSes ? asMessage(object) : object
      const checked = await s3ecContent(described, start, settings)
      if (checked !== undefined) {
        const { bytes, context } = checked
        return { content: pieces(bytes), length: bytes.length, sealed: true, context, release }
      }
      requirePlaintext(described)
      return { content: start.from(0), length: object.size, sealed: false, release }
    }
    const overhead = sealedLength(0, keyIds.length) - TAG
    const length = plainLength(object.size - overhead)
    return { content: opened(start, settings.keys, keyIds), length, sealed: true, release }
  } catch (error) {
    await release()
    throw error
  }
}

function beginsWith(bytes: Uint8Array, ascii: string): boolean {
  return [...ascii].every((each, index) => bytes[index] === each.charCodeAt(0))
}

/** As a header field does: what is left of a sealed object without its metadata does not. */
function beginsAsMessage(head: Uint8Array): boolean {
  return /^[A-Za-z][A-Za-z0-9-]{2,}: /.test(String.fromCharCode(...head.subarray(0, FIXED)))
}

/** Amazon SES stores plaintext under another content type. */
function asMessage(object: SealedObject): SealedObject {
  return { ...object, contentType: 'message/rfc822' }
}

function requirePlaintext(object: SealedObject): void {
  if (isMessage(object)) return
  throw new NotPosternError(
    'This object is neither a Postern envelope, nor of an S3 encryption client, nor a message: its content does not begin as one, it has no encryption metadata, and its content type is not message/rfc822.',
  )
}

/**
 * The ids of the keys that an envelope is sealed to, undefined when it is none. Of a header that is cut
 * those that are there: `open` refuses it.
 */
export async function envelopeKeyIds(start: Lookahead): Promise<string[] | undefined> {
  const fixed = await atLeast(start, FIXED)
  if (!beginsWith(fixed, MAGIC)) return undefined
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
    const own = keys.filter((key) => key.type === 'nacl')
    yield* open(start.from(0), own)
  } catch (error) {
    throw error instanceof EnvelopeError ? explainEnvelope(error, keys, keyIds) : error
  }
}

/** In the sizes that other contents come in. */
async function* pieces(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += CHUNK) yield bytes.subarray(at, at + CHUNK)
}
