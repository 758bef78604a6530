/** What a refusal of the S3 Encryption Client formats means to the person who wants to read the mail. Pure. */
import type { S3ecError, S3ecReason } from '../seal/s3ec/error.ts'
import {
  BadMetadataError,
  CommitmentMismatchError,
  ContextMismatchError,
  KmsRefusedError,
  LegacyFormatError,
  type MailboxError,
  NoCommitmentError,
  shown,
  TamperedError,
  TooLargeError,
  TruncatedError,
  UnsupportedFormatError,
  WrongKeyError,
} from './errors.ts'
import type { MailKey } from './keys.ts'

const restore = 'Restore the object from a copy, and find out who can write to this store.'

type Explain = (about: {
  readonly subject: string
  readonly keys: readonly MailKey[]
  readonly size: number
  readonly more: { readonly cause: unknown }
}) => MailboxError

const explanations: Readonly<Record<S3ecReason, Explain>> = {
  'bad-metadata': ({ subject, more }) =>
    new BadMetadataError(
      `The encryption metadata of this object is incomplete or malformed (${subject}): it was lost or altered, or a copy left it behind. ${restore}`,
      more,
    ),
  'mixed-formats': ({ more }) =>
    new BadMetadataError(
      `The encryption metadata of this object belongs to two formats at once, which no client writes. ${restore}`,
      more,
    ),
  'unknown-algorithm': ({ subject, more }) =>
    new UnsupportedFormatError(
      `This object is encrypted by an algorithm that this release does not know (${subject}): update it, or use the client that wrote the object.`,
      more,
    ),
  'needs-node': ({ subject, more }) =>
    new UnsupportedFormatError(
      `This legacy object needs ${subject}, which browsers do not have: open it in Node.`,
      more,
    ),
  'legacy-format': ({ subject, more }) =>
    new LegacyFormatError(
      `This object is in a legacy format (${subject}), as Amazon SES and old S3 encryption clients write it: pass "legacy: true" to open such objects, too.`,
      more,
    ),
  'no-commitment': ({ more }) =>
    new NoCommitmentError(
      'This object has no key commitment, and "requireCommitment: true" refuses such: leave that out until the store holds format v3 only.',
      more,
    ),
  'no-key-fits': ({ subject, keys, more }) =>
    new WrongKeyError(
      `None of the keys given opens this object (${keysGiven(keys)}); it is sealed by ${subject}: give the ${neededFor(subject)} that it was sealed to.`,
      more,
    ),
  'kms-refused': ({ subject, more }) =>
    new KmsRefusedError(
      `KMS refuses to decrypt the data key of this object (${subject}): let the reader's role use kms:Decrypt on that key, and see that the key is enabled.`,
      more,
    ),
  'context-differs': ({ more }) =>
    new ContextMismatchError(
      'The encryption context of this object has other pairs than the `context` given to kmsKey(): give those it was sealed with, or leave `context` out.',
      more,
    ),
  'bad-commitment': ({ more }) =>
    new CommitmentMismatchError(
      `The data key of this object is not the one it was sealed with: its metadata was altered or exchanged. ${restore}`,
      more,
    ),
  'content-failed': ({ more }) =>
    new TamperedError(
      `This object was altered or damaged after it was sealed, or its metadata was. ${restore}`,
      more,
    ),
  truncated: ({ more }) =>
    new TruncatedError(
      'Part of this object is missing, it ends too early: restore it from a copy.',
      more,
    ),
  'too-large': ({ size, more }) =>
    new TooLargeError(
      `This object has ${size} octets, and one in this format is checked whole in memory before any of it is given out: raise maxBytes.`,
      more,
    ),
}

export function explainS3ec(
  cause: S3ecError,
  keys: readonly MailKey[],
  size: number,
): MailboxError {
  const subject = shown(cause.subject ?? '')
  return explanations[cause.reason]({ subject, keys, size, more: { cause } })
}

function keysGiven(keys: readonly MailKey[]): string {
  const types = [...new Set(keys.map(({ type }) => type))]
  const counts = types.map((type) => `${keys.filter((key) => key.type === type).length} ${type}`)
  return counts.length === 0 ? 'none was given' : `given: ${counts.join(', ')}`
}

function neededFor(wrap: string): string {
  if (wrap.startsWith('kms')) return 'access to the KMS key, with kmsKey(),'
  return wrap.startsWith('RSA') ? 'RSA private key' : 'RSA or AES key'
}
