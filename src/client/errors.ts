/**
 * Why mail could not be read: a class and a word for programs, a sentence for people with the remedy. Pure.
 * Texts of a store (keys, metadata) stand in a sentence with their control characters made visible,
 * and no sentence holds a secret or content of a message.
 */
import { PermanentError } from '../errors.ts'

export type MailboxReason =
  | 'not-found' //           no object has this key
  | 'wrong-key' //           sealed to other keys than those given
  | 'not-postern' //         neither an envelope nor a message, or no receipt in it
  | 'unsupported-format' //  encrypted by an algorithm that this release does not know, or not here
  | 'unknown-version' //     written by a newer Postern
  | 'legacy-format' //       opened only with `legacy: true`
  | 'no-commitment' //       refused by `requireCommitment: true`
  | 'bad-metadata' //        the encryption metadata is incomplete or contradicts itself
  | 'no-instruction' //      the data key is in an instruction file, and that is not there
  | 'kms-refused' //         KMS does not let the caller use the key
  | 'context-mismatch' //    the KMS encryption context is not the expected one
  | 'commitment-mismatch' // the data key is not the one the object commits to
  | 'truncated' //           part of it is missing
  | 'tampered' //            it was altered after it was stored
  | 'index-mismatch' //      its metadata says something else than its receipt
  | 'misplaced' //           it is another message than its key says
  | 'too-large' //           larger than the caller wants in memory
  | 'bad-after' //           an id where only a key tells the place

type More = { readonly keyIds?: readonly string[]; readonly cause?: unknown }

/**
 * Permanent: the same object and the same keys fail every time. What a store or KMS throws for a moment
 * is not one of these. `name` is that of the class, in a minified bundle too.
 */
export class MailboxError extends PermanentError {
  override readonly name: string
  readonly reason: MailboxReason
  /** With `wrong-key`: the ids of the keys that can open it, in hex, where the format tells them. */
  readonly keyIds: readonly string[]

  constructor(reason: MailboxReason, sentence: string, more: More = {}) {
    super(sentence, more.cause === undefined ? undefined : { cause: more.cause })
    const words = reason.split('-').map((word) => word.charAt(0).toUpperCase() + word.slice(1))
    this.name = `${words.join('')}Error`
    this.reason = reason
    this.keyIds = more.keyIds ?? []
  }
}

type Failure = new (sentence: string, more?: More) => MailboxError

function failure(reason: MailboxReason): Failure {
  return class extends MailboxError {
    constructor(sentence: string, more?: More) {
      super(reason, sentence, more)
    }
  }
}

export class NotFoundError extends failure('not-found') {}
export class WrongKeyError extends failure('wrong-key') {}
export class NotPosternError extends failure('not-postern') {}
export class UnsupportedFormatError extends failure('unsupported-format') {}
export class UnknownVersionError extends failure('unknown-version') {}
export class LegacyFormatError extends failure('legacy-format') {}
export class NoCommitmentError extends failure('no-commitment') {}
export class BadMetadataError extends failure('bad-metadata') {}
export class NoInstructionError extends failure('no-instruction') {}
export class KmsRefusedError extends failure('kms-refused') {}
export class ContextMismatchError extends failure('context-mismatch') {}
export class CommitmentMismatchError extends failure('commitment-mismatch') {}
export class TruncatedError extends failure('truncated') {}
export class TamperedError extends failure('tampered') {}
export class IndexMismatchError extends failure('index-mismatch') {}
export class MisplacedError extends failure('misplaced') {}
export class TooLargeError extends failure('too-large') {}
export class BadAfterError extends failure('bad-after') {}

/** Text that anybody may have written, harmless in a sentence: short, and without controls. */
export function shown(text: string): string {
  const visible = text.replace(
    /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069]/g,
    (each) => `\\u${each.charCodeAt(0).toString(16).padStart(4, '0')}`,
  )
  return visible.length > 300 ? `${visible.slice(0, 300)}…` : visible
}
