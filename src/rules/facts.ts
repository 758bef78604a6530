/**
 * What rules may look at. A fact that is not known yet (the message, at RCPT) or that could not be
 * found out (an engine failed) is absent: conditions over it are undecided. Pure types.
 */
import type { Verdicts } from '../mail/verdict.ts'

/** What is known of the session when RCPT is answered. */
export type SessionFacts = {
  readonly tls: boolean
  /** The argument of MAIL FROM; '' is the null reverse-path. */
  readonly reversePath?: string
  readonly helo?: string
  readonly remoteIp?: string
}

export type HeaderField = { readonly name: string; readonly value: string }
export type AttachmentFacts = { readonly name?: string; readonly type: string }

/** What is known of the message after its end. */
export type MessageFacts = SessionFacts & {
  readonly recipients: readonly string[]
  /** Octets as received. */
  readonly size?: number
  /** The header section's fields, folds undone; read when a rule asks for them. */
  readonly fields?: () => readonly HeaderField[]
  /** `undefined` when the MIME structure can be read two ways, or is too large to be told whole. */
  readonly attachments?: readonly AttachmentFacts[]
  /** All of them on a server; a test or `postern explain` may be given some. */
  readonly verdicts?: Partial<Verdicts>
}
