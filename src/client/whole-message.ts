/** A message in memory: for what is small enough, and that most mail is. */
import { type Headers, headersOf } from './fields.ts'
import type { MessageStream } from './message.ts'

export type Message = Omit<MessageStream, 'original' | 'cancel'> & {
  /** The fields of the message as received: written by whoever sent it. */
  readonly headers: Headers
  /** The bytes as received, checked against the receipt. */
  readonly original: Uint8Array
  /** The bytes as received in pieces, for what takes a stream. */
  readonly stream: () => AsyncIterable<Uint8Array>
}

/** The pieces that `stream` gives. */
const PIECE = 65536

/** Reads a message whole. */
export async function collected(opened: MessageStream): Promise<Message> {
  const { receipt, sealed, prepended, prependedBytes } = opened
  const original = new Uint8Array(receipt.size)
  let filled = 0
  for await (const piece of opened.original) {
    original.set(piece, filled)
    filled += piece.length
  }
  const headers = headersOf(original)
  return { receipt, sealed, prepended, prependedBytes, headers, original, stream }

  async function* stream(): AsyncGenerator<Uint8Array> {
    for (let at = 0; at < original.length; at += PIECE) yield original.subarray(at, at + PIECE)
  }
}
