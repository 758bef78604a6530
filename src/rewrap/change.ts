/** From which key to which a store is changed, and what becomes of an object. Pure. */
import type { MailKey } from '../client/keys.ts'
import type { PublicKey } from '../seal/envelope.ts'
import type { SealingKey } from '../seal/s3ec/seal.ts'

export type NewKey =
  /** `id` as an envelope names it, in hex. */
  | { readonly type: 'nacl'; readonly id: string; readonly publicKey: PublicKey }
  | { readonly type: 's3ec'; readonly key: SealingKey }

export type Change = {
  readonly from: MailKey
  readonly to: NewKey
  /** Public keys by id: who else can open an envelope is told by ids alone. */
  readonly known: ReadonlyMap<string, PublicKey>
  /** Whether who else can open an object loses it. */
  readonly dropOthers: boolean
  /** Whether what the oldest S3 encryption clients wrote is sealed anew, too. */
  readonly legacy: boolean
  /** The largest object of an S3 encryption client that is checked in memory. */
  readonly maxBytes: number
  /** Whether nothing is to be written, and outcomes say what would become of an object. */
  readonly dryRun: boolean
}

export type Outcome =
  /** Opened, checked to its end and sealed anew; or only its data key wrapped anew. */
  | { readonly outcome: 'resealed' | 'rewrapped' }
  /** Nothing to do: it is not sealed to the old key (any more), or it is gone. */
  | { readonly outcome: 'passed'; readonly reason: 'other-key' | 'not-sealed' | 'gone' }
  /** As it was before; `text` says why, and what would mend it. */
  | { readonly outcome: 'left'; readonly reason: string; readonly text: string }

export function left(reason: string, text: string): Outcome {
  return { outcome: 'left', reason, text }
}
