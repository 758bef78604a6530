/** Opens one object that the caller fetched by itself: from a queue, a backup, a browser's request. */
import { concat } from '../seal/bytes.ts'
import { openContent } from './content.ts'
import { instructionIn } from './instruction.ts'
import type { MailKey } from './keys.ts'
import { openMessageStream } from './message.ts'
import type { Metadata } from './metadata.ts'
import type { OpenSettings, SealedObject } from './sealed-object.ts'
import { collected, type Message } from './whole-message.ts'

export type ObjectToOpen = {
  /** The octets of the object, or a stream of them (what S3's GetObject answers as `Body`). */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>
  /** User metadata, with or without `x-amz-meta-`. An envelope needs none, the formats of AWS do. */
  readonly metadata?: Metadata
  /** What stands in KEY.instruction, for the objects of AWS's clients that have one. */
  readonly instruction?: string | Uint8Array | Metadata
  /** Must be `message/rfc822` for an object that was stored in plaintext. */
  readonly contentType?: string
  /** Where it was found: when given, it must be the message's own place. */
  readonly key?: string
}

export type OpenObjectOptions = {
  readonly keys: readonly MailKey[]
  /** Whether v1 of Amazon's S3 encryption clients, and what Amazon SES stored, is opened, too. */
  readonly legacy?: boolean
  /** Whether objects in a format without key commitment are refused: v2 and everything legacy. */
  readonly requireCommitment?: boolean
}

/**
 * The content of an object: of a message the server's fields and then the bytes as received. Checks
 * the seal only, so it opens whatever was sealed. Throws MailboxError.
 */
export async function openObject(
  object: ObjectToOpen,
  options: OpenObjectOptions,
): Promise<Uint8Array> {
  const { content } = await openContent(await sealedObjectOf(object), inMemory(options))
  return whole(content)
}

/** The message in an object, checked as `Mailbox.get` checks it. Throws MailboxError. */
export async function openMessage(
  object: ObjectToOpen,
  options: OpenObjectOptions,
): Promise<Message> {
  const sealed = await sealedObjectOf(object)
  return collected(await openMessageStream(sealed, inMemory(options), object.key))
}

/** The object is in memory already, however large. */
function inMemory(options: OpenObjectOptions): OpenSettings {
  return { ...options, maxBytes: Number.POSITIVE_INFINITY }
}

async function sealedObjectOf({
  body,
  metadata = {},
  instruction,
  contentType,
}: ObjectToOpen): Promise<SealedObject> {
  const bytes = body instanceof Uint8Array ? body : await whole(iterable(body))
  return {
    body: once(bytes),
    size: bytes.length,
    contentType,
    metadata: plainNames(metadata),
    instruction: async () =>
      instruction === undefined ? undefined : plainNames(instructionIn(instruction)),
  }
}

function plainNames(metadata: Metadata): Metadata {
  const named = Object.entries(metadata).map(([name, value]) => [plainName(name), value])
  return Object.fromEntries(named)
}

function plainName(name: string): string {
  return name.toLowerCase().replace(/^x-amz-meta-/, '')
}

/** Safari cannot iterate a ReadableStream. */
function iterable(
  body: AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>,
): AsyncIterable<Uint8Array> {
  return Symbol.asyncIterator in body ? body : piecesOf(body)
}

async function* piecesOf(stream: ReadableStream<Uint8Array>): AsyncGenerator<Uint8Array> {
  const reader = stream.getReader()
  for (;;) {
    const { done, value } = await reader.read()
    if (done) return
    yield value
  }
}

async function* once(bytes: Uint8Array): AsyncGenerator<Uint8Array> {
  yield bytes
}

async function whole(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of source) pieces.push(piece)
  return concat(pieces)
}
