/**
 * Why mail could not be read: a word for programs and a sentence for people, with the remedy. Pure.
 * Texts of a store (keys, metadata) stand in a sentence with their control characters made visible,
 * and no sentence holds a secret or content of a message.
 */
import { PermanentError } from '../errors.ts'

export type MailboxReason =
  | 'not-found' //          no object has this key
  | 'wrong-key' //          sealed to other keys than those given
  | 'not-postern' //        neither an envelope nor a message, or no receipt in it
  | 'unsupported-format' // sealed in a format that this release does not open
  | 'unknown-version' //    written by a newer Postern
  | 'truncated' //          part of it is missing
  | 'tampered' //           it was altered after it was stored
  | 'index-mismatch' //     its metadata says something else than its receipt
  | 'misplaced' //          it is another message than its key says
  | 'too-large' //          larger than the caller wants in memory
  | 'bad-after' //          an id where only a key tells the place

/** Permanent: the same object and the same keys fail every time. What a store throws is not one of these. */
export class MailboxError extends PermanentError {
  override readonly name = 'MailboxError'
  readonly reason: MailboxReason
  /** With `wrong-key`: the ids of the keys that can open it, in hex. */
  readonly keyIds: readonly string[]

  constructor(
    reason: MailboxReason,
    sentence: string,
    more: { readonly keyIds?: readonly string[]; readonly cause?: unknown } = {},
  ) {
    super(sentence, more.cause === undefined ? undefined : { cause: more.cause })
    this.reason = reason
    this.keyIds = more.keyIds ?? []
  }
}

/** Text that anybody may have written, harmless in a sentence: short, and without controls. */
export function shown(text: string): string {
  const visible = text.replace(
    /[\x00-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return visible.length > 300 ? `${visible.slice(0, 300)}…` : visible
}
