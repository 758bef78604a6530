/** Opens one object that the caller fetched by itself: from a queue, a backup, a browser's request. */
import { concat } from '../seal/bytes.ts'
import { openContent, type SealedObject } from './content.ts'
import type { MailKey } from './keys.ts'
import { refuseLegacy } from './mailbox.ts'
import { openMessageStream } from './message.ts'
import type { Metadata } from './metadata.ts'
import { collected, type Message } from './whole-message.ts'

export type ObjectToOpen = {
  /** The octets of the object, or a stream of them (what S3's GetObject answers as `Body`). */
  readonly body: Uint8Array | AsyncIterable<Uint8Array> | ReadableStream<Uint8Array>
  /** User metadata, with or without `x-amz-meta-`. May be left out: a sealed object needs none. */
  readonly metadata?: Metadata
  /** Must be `message/rfc822` for an object that was stored in plaintext. */
  readonly contentType?: string
  /** Where it was found: when given, it must be the message's own place. */
  readonly key?: string
}

export type OpenObjectOptions = { readonly keys: readonly MailKey[]; readonly legacy?: false }

/**
 * The content of an object: of a message the server's fields and then the bytes as received. Checks
 * the seal only, so it opens whatever was sealed. Throws MailboxError.
 */
export async function openObject(
  object: ObjectToOpen,
  { keys, legacy }: OpenObjectOptions,
): Promise<Uint8Array> {
  refuseLegacy(legacy)
  const { content } = await openContent(await sealedObjectOf(object), keys)
  return whole(content)
}

/** The message in an object, checked as `Mailbox.get` checks it. Throws MailboxError. */
export async function openMessage(
  object: ObjectToOpen,
  { keys, legacy }: OpenObjectOptions,
): Promise<Message> {
  refuseLegacy(legacy)
  return collected(await openMessageStream(await sealedObjectOf(object), keys, object.key))
}

async function sealedObjectOf({
  body,
  metadata = {},
  contentType,
}: ObjectToOpen): Promise<SealedObject> {
  const bytes = body instanceof Uint8Array ? body : await whole(iterable(body))
  return {
    body: once(bytes),
    size: bytes.length,
    contentType,
    metadata: Object.fromEntries(
      Object.entries(metadata).map(([name, value]) => [plainName(name), value]),
    ),
  }
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
