/** What a reader is handed, and what it opens with. Pure. */
import type { S3ecPolicy } from '../seal/s3ec/open.ts'
import type { MailKey } from './keys.ts'
import type { Metadata } from './metadata.ts'

/** An object as a store hands it over. */
export type SealedObject = {
  readonly body: AsyncIterable<Uint8Array>
  /** Octets of the body. */
  readonly size: number
  readonly contentType: string | undefined
  readonly metadata: Metadata
  /** What stands in KEY.instruction, fetched when it is needed; `undefined` when there is none. */
  readonly instruction?: (() => Promise<Metadata | undefined>) | undefined
}

/** The largest message that is held in memory, in octets, unless the caller says otherwise. */
export const MAX_BYTES = 64 * 1024 * 1024
/** On top of it: what the server, or SES, puts before a message, and a tag. */
export const ALLOWANCE = 1024 * 1024

/** What a reader opens, and with what. */
export type OpenSettings = S3ecPolicy & {
  readonly keys: readonly MailKey[]
  /** The largest message that is checked whole in memory before any of it is given out. */
  readonly maxBytes?: number | undefined
}

/** Whether an object says that it is a message in plaintext. */
export function isMessage({ contentType = '' }: Pick<SealedObject, 'contentType'>): boolean {
  return /^message\/rfc822\s*(;|$)/i.test(contentType)
}
