/**
 * postern/client: read the mail that Postern stored (docs/sdk.md). For Node and browsers; no server
 * code, and no Node module until `dirStore` or `readKey` is used.
 */

export type { Envelope } from '../mail/envelope.ts'
export type { Receipt } from '../mail/receipt.ts'
export type {
  ArcReport,
  DkimSignature,
  Judgement,
  Verdict,
  VerdictName,
  Verdicts,
} from '../mail/verdict.ts'
export type {
  ListedObject,
  ObjectInfo,
  OpenedObject,
  ReadableStore,
} from '../store/object-store.ts'
export { type S3StoreOptions, s3Store } from '../store/s3-read.ts'
export { dirStore } from './dir-store.ts'
export {
  BadAfterError,
  BadMetadataError,
  CommitmentMismatchError,
  ContextMismatchError,
  IndexMismatchError,
  KmsRefusedError,
  LegacyFormatError,
  MailboxError,
  type MailboxReason,
  MisplacedError,
  NoCommitmentError,
  NoInstructionError,
  NotFoundError,
  NotPosternError,
  TamperedError,
  TooLargeError,
  TruncatedError,
  UnknownVersionError,
  UnsupportedFormatError,
  WrongKeyError,
} from './errors.ts'
export type { Field, Headers } from './fields.ts'
export {
  type AesKey,
  aesKey,
  type DecryptDataKey,
  type JsonWebKey,
  type KmsKey,
  kmsKey,
  type MailKey,
  type NaclKey,
  naclKey,
  type RsaKey,
  readKey,
  rsaKey,
} from './keys.ts'
export { kmsDecrypt } from './kms.ts'
export {
  type GetOptions,
  type ListOptions,
  type Mailbox,
  type MailboxOptions,
  openMailbox,
  type StreamOptions,
} from './mailbox.ts'
export type { MessageStream } from './message.ts'
export type { IndexedVerdicts, Item, Metadata } from './metadata.ts'
export {
  type ObjectToOpen,
  type OpenObjectOptions,
  openMessage,
  openObject,
} from './open-object.ts'
export {
  doubts,
  failed,
  isAuthenticated,
  isDangerous,
  isTrustworthy,
  passed,
} from './verdicts.ts'
export type { Message } from './whole-message.ts'
