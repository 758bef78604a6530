/** What an envelope's refusal means to the person who wants to read the mail. Pure. */
import type { EnvelopeError, EnvelopeReason } from '../seal/envelope.ts'
import {
  type MailboxError,
  TamperedError,
  TruncatedError,
  UnknownVersionError,
  WrongKeyError,
} from './errors.ts'
import type { MailKey } from './keys.ts'

/** `keyIds` are those that the envelope names. */
export function explainEnvelope(
  cause: EnvelopeError,
  keys: readonly MailKey[],
  keyIds: readonly string[],
): MailboxError {
  const { reason } = cause
  if (reason === 'no-key-fits') {
    const ids = keys.flatMap((key) => (key.type === 'nacl' ? [key.id] : []))
    const given = ids.length === 0 ? 'none was given' : `given: ${list(ids)}`
    return new WrongKeyError(
      `This message is sealed to ${list(keyIds)} (key ids; ${given}): open it with the .key file of that id. "postern keys list" shows the ids of the server's keys.`,
      { keyIds },
    )
  }
  return new failures[kindOf(reason)](sentences[kindOf(reason)], { cause })
}

type Damage = 'truncated' | 'tampered' | 'unknown-version'

function kindOf(reason: EnvelopeReason): Damage {
  return reason === 'truncated' || reason === 'unknown-version' ? reason : 'tampered'
}

const failures = {
  truncated: TruncatedError,
  tampered: TamperedError,
  'unknown-version': UnknownVersionError,
} as const

const sentences: Record<Damage, string> = {
  truncated: 'Part of this object is missing, it ends too early: restore it from a copy.',
  tampered:
    'This object was altered or damaged after it was sealed: restore it from a copy, and find out who can write to this store.',
  'unknown-version': 'This object was sealed by a newer Postern: update this program.',
}

function list(ids: readonly string[]): string {
  return ids.length === 0 ? 'no key' : ids.join(', ')
}
