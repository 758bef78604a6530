/** Reads the mail in a store: finds it, opens it, checks it. Never writes, and never logs. */
import { isMessageId } from '../mail/message-id.ts'
import type { Receipt } from '../mail/receipt.ts'
import type { OpenedObject, ReadableStore } from '../store/object-store.ts'
import { BadAfterError, type MailboxError, NotFoundError, shown, TooLargeError } from './errors.ts'
import { inOrder, LOOKUPS } from './in-order.ts'
import { instructionOf } from './instruction.ts'
import type { MailKey } from './keys.ts'
import { type MessageStream, openMessageStream } from './message.ts'
import { type Item, itemOf, sesItemOf } from './metadata.ts'
import { MAX_BYTES } from './sealed-object.ts'
import { collected, type Message } from './whole-message.ts'

export type MailboxOptions = {
  readonly store: ReadableStore
  /** Secret keys; any one that fits opens a message. None are needed to list. */
  readonly keys?: readonly MailKey[]
  /** Whether v1 of Amazon's S3 encryption clients, and what Amazon SES stored, is opened, too. */
  readonly legacy?: boolean
  /** Whether objects in a format without key commitment are refused: v2 and everything legacy. */
  readonly requireCommitment?: boolean
}

export type ListOptions = {
  /** Only keys that begin so: `support/`. */
  readonly prefix?: string
  /** Only what sorts after: a key, or an id where `prefix` is '' or ends with a slash. */
  readonly after?: string
}

export type GetOptions = {
  /** The largest message to hold in memory; 64 MiB unless given. */
  readonly maxBytes?: number
}

export type StreamOptions = {
  /**
   * The largest message to check whole in memory before any of it is given out, which the formats of S3
   * encryption clients need; 64 MiB unless given. Of an envelope one chunk is held, whatever its size.
   */
  readonly maxBytes?: number
}

export type Mailbox = {
  /**
   * The messages of the store by key, that is oldest first below one prefix. Reads metadata only,
   * which is not authenticated; passes over what is not Postern's or,
   * with `legacy`, named as Amazon SES names its messages.
   */
  readonly list: (options?: ListOptions) => AsyncGenerator<Item>
  /** One message, whole and checked. Throws MailboxError. */
  readonly get: (key: string, options?: GetOptions) => Promise<Message>
  /**
   * One message in pieces. Receipt and fields are there at once; of a sealed message every piece is
   * as the server sealed it, in its place. That it was all there is known when the iteration ends
   * without a throw: do nothing before that you could not undo.
   */
  readonly stream: (
    key: string,
    options?: StreamOptions,
  ) => Promise<MessageStream & { readonly key: string }>
}

export function openMailbox(options: MailboxOptions): Mailbox {
  const { store, keys = [], legacy, requireCommitment } = options

  async function* list({ prefix = '', after = '' }: ListOptions = {}): AsyncGenerator<Item> {
    const objects = store.list({ prefix, after: keyAfter(prefix, after) })
    const infos = inOrder(objects, ({ key }) => store.head(key), LOOKUPS)
    for await (const info of infos) {
      // Undefined when it was removed meanwhile.
      const item = info && (itemOf(info) ?? (legacy ? sesItemOf(info) : undefined))
      if (item !== undefined) yield item
    }
  }

  async function stream(
    key: string,
    { maxBytes }: StreamOptions = {},
  ): Promise<MessageStream & { readonly key: string }> {
    const object = await store.get(key)
    if (object === undefined) throw notFound(key)
    const { info, body } = object
    try {
      const instruction = () => instructionOf(store, key)
      const settings = { keys, legacy, requireCommitment, maxBytes }
      const opened = await openMessageStream({ ...info, body, instruction }, settings, key)
      const cancel = async (): Promise<void> => {
        await opened.cancel()
        object.cancel()
      }
      return { ...opened, original: releasing(opened.original, object), cancel, key }
    } catch (error) {
      object.cancel()
      throw error
    }
  }

  return {
    list,
    stream,
    async get(key, { maxBytes = MAX_BYTES } = {}) {
      const opened = await stream(key, { maxBytes })
      try {
        requireFit(opened.receipt, maxBytes)
        return await collected(opened)
      } finally {
        await opened.cancel()
      }
    },
  }
}

async function* releasing(
  original: AsyncIterable<Uint8Array>,
  object: OpenedObject,
): AsyncGenerator<Uint8Array> {
  try {
    yield* original
  } finally {
    object.cancel()
  }
}

function requireFit({ id, size }: Receipt, maxBytes: number): void {
  if (size <= maxBytes) return
  throw new TooLargeError(
    `Message ${id} has ${size} octets, more than the ${maxBytes} that get() holds in memory: read it with stream(), or raise maxBytes.`,
  )
}

/** An id tells a place only where it is a key, or the rest of one. */
function keyAfter(prefix: string, after: string): string {
  if (prefix === '' || after.startsWith(prefix) || !isMessageId(after)) return after
  if (prefix.endsWith('/')) return prefix + after
  throw new BadAfterError(
    `The id ${after} tells no place below the prefix ${shown(prefix)}, which does not end with a slash: give the key to go on after.`,
  )
}

function notFound(key: string): MailboxError {
  return new NotFoundError(
    `There is no object ${shown(key)} in this store: list() tells the keys that are there.`,
  )
}
