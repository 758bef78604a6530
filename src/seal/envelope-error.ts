/** Why something could not be sealed or opened: a word for programs and a sentence for people. */
import { PermanentError } from '../errors.ts'

/** Every reason, with its sentence. None of them names a key or shows content. */
export const envelopeReasons = {
  'bad-magic': 'This is not a Postern envelope: it does not begin as one.',
  'unknown-version': 'This Postern envelope has a version that this program does not know.',
  'no-keys': 'An envelope has at least one public key, and here there is none.',
  'too-many-keys': 'An envelope has at most 64 public keys, and here there are more.',
  'bad-key': 'A key has 32 bytes, and one of those given has another length.',
  'weak-public-key':
    'One of the public keys is worthless: anybody could open what is sealed to it.',
  'no-key-fits': 'The envelope was sealed to other keys than those given.',
  'wrap-failed': 'The envelope names a key that was given, but its file key fails the check.',
  'bad-commitment': 'The header was altered, or was not written for this file key.',
  'chunk-failed': 'A chunk fails its check: it was altered, moved, or cut.',
  'empty-chunk': 'The envelope ends with an empty chunk after others, which no writer makes.',
  'trailing-bytes': 'More bytes follow after the last chunk.',
  truncated: 'The envelope was cut: it ends before its last chunk.',
} as const

export type EnvelopeReason = keyof typeof envelopeReasons

/** Permanent: the same bytes and the same keys fail every time. */
export class EnvelopeError extends PermanentError {
  override readonly name = 'EnvelopeError'
  readonly reason: EnvelopeReason

  constructor(reason: EnvelopeReason) {
    super(envelopeReasons[reason])
    this.reason = reason
  }
}
