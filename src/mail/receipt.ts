/**
 * The receipt: what is known of a message when it was taken, stored with it (sealed) in the field
 * X-Postern-Receipt, one receipt per rule. Pure. A published format: fields are added, never changed.
 */
import type { Envelope } from './envelope.ts'
import type { Verdicts } from './verdict.ts'

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
}

/** One rule's copy of a message. */
export type Receipt = KeptMessage & {
  readonly version: 1
  readonly rule: string
  /** The envelope recipients that this rule matched. */
  readonly recipients: readonly string[]
}
