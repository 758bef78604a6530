/**
 * The receipt: what is known of a message when it was taken, stored with it (sealed) in the field
 * X-Postern-Receipt, one receipt per rule. Pure. A published format: fields are added, never changed.
 */
import type { Envelope } from './envelope.ts'
import type { Verdicts } from './verdict.ts'

/** A message that went through the rules again on somebody's word, and where it was taken from. */
export type Replay = {
  /** The id it was received under. */
  readonly of: string
  readonly from: 'store' | 'queue' | 'dead' | 'quarantine'
  /** When it was replayed: ISO 8601. */
  readonly time: string
}

/** What is known of a message itself, whichever rules matched it. */
export type KeptMessage = {
  /** Message id: 40 characters of base32hex. */
  readonly id: string
  /** When the end of the message arrived: ISO 8601, UTC, milliseconds. */
  readonly time: string
  readonly envelope: Envelope
  readonly ruleSet: string
  readonly verdicts: Verdicts
  /** Octets of the message as received, without what was prepended. */
  readonly size: number
  /** Lower-case hex SHA-256 of the message as received. */
  readonly sha256: string
  /** Absent for a message that came by SMTP. */
  readonly replay?: Replay
}

/** One rule's copy of a message. */
export type Receipt = KeptMessage & {
  readonly version: 1
  readonly rule: string
  /** The envelope recipients that this rule matched. */
  readonly recipients: readonly string[]
  /**
   * Present when there was no receipt and a reader made this one from what Amazon SES wrote before the
   * message (docs/from-ses.md): `ruleSet` is '', and so is `rule` unless the object was sealed.
   */
  readonly origin?: 'ses'
}
