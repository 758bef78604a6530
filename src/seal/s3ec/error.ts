/** Why an object of an S3 Encryption Client could not be sealed or opened: a word and a sentence. */
import { PermanentError } from '../../errors.ts'

/** Every reason, with its sentence. None of them shows a key or content. */
export const s3ecReasons = {
  'bad-metadata': 'The encryption metadata of this object is incomplete or malformed.',
  'mixed-formats': 'The encryption metadata of this object belongs to two formats at once.',
  'unknown-algorithm': 'This object is encrypted by an algorithm that this program does not know.',
  'legacy-format':
    'This object is in a legacy format, which is opened only when that is asked for.',
  'no-commitment': 'This object has no key commitment, and one is required.',
  'needs-node': 'The algorithm of this legacy object is not in Web Crypto.',
  'no-key-fits': 'This object was sealed to another key than those given.',
  'kms-refused': 'KMS refuses to decrypt the data key of this object.',
  'context-differs': 'The encryption context of this object is not the one that is expected.',
  'bad-commitment': 'The data key of this object is not the one it was sealed with.',
  'content-failed': 'The content fails its check: it was altered, cut or continued.',
  truncated: 'The object was cut: it is shorter than its store says, or than any sealed one.',
  'too-large': 'The object is larger than may be held in memory.',
} as const

export type S3ecReason = keyof typeof s3ecReasons

/** Permanent: the same bytes and the same keys fail every time. */
export class S3ecError extends PermanentError {
  override readonly name = 'S3ecError'
  readonly reason: S3ecReason
  /** What it is about: a metadata key, an algorithm, a KMS error's name. May be third-party text. */
  readonly subject: string | undefined

  constructor(
    reason: S3ecReason,
    more: { readonly subject?: string | undefined; readonly cause?: unknown } = {},
  ) {
    super(s3ecReasons[reason], more.cause === undefined ? undefined : { cause: more.cause })
    this.reason = reason
    this.subject = more.subject
  }
}
