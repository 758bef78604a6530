/**
 * A message that is kept and can go through the rules again: in an object store, opened with the secret
 * key that the server has not, or in the spool. Reads only.
 */
import type { Mailbox } from '../client/index.ts'
import { PermanentError } from '../errors.ts'
import type { KeptMessage, Replay } from '../mail/receipt.ts'
import type { PlannedAction, S3Action } from '../rules/rule-set.ts'
import type { Spool } from '../spool/spool.ts'
import { type KnownStep, knownStep } from './compare.ts'

export type Kept = {
  readonly kept: KeptMessage
  readonly from: Replay['from']
  /** Whom the rules are asked for: all of the envelope, or those for whom a rule held the message. */
  readonly recipients: readonly string[]
  /** What is known of what was done with it. */
  readonly was: readonly KnownStep[]
  /** The message as received, from its start each time; throws at its end if it is not that. */
  readonly read: () => AsyncIterable<Uint8Array>
  readonly close: () => Promise<void>
}

/** An object of the store. `place`: bucket and prefix it lies under. Throws MailboxError. */
export async function openStored(
  mailbox: Mailbox,
  key: string,
  place: S3Action,
  from: 'store' | 'quarantine' = 'store',
): Promise<Kept> {
  const opened = await mailbox.stream(key)
  await opened.cancel()
  const { receipt } = opened
  requireSound(receipt)
  const { rule, recipients, envelope } = receipt
  const action = from === 'store' ? { S3Action: place } : { QuarantineAction: {} }
  return {
    kept: receipt,
    from,
    recipients: from === 'store' ? envelope.recipients : recipients,
    was: [knownStep({ rule, action, recipients, scan: true })],
    read: () => reopened(mailbox, key),
    close: async () => {},
  }
}

async function* reopened(mailbox: Mailbox, key: string): AsyncGenerator<Uint8Array> {
  const { original, cancel } = await mailbox.stream(key)
  try {
    yield* original
  } finally {
    await cancel()
  }
}

/** An entry of the spool; `undefined` when there is none. Throws CorruptEntryError. */
export async function openSpooled(
  spool: Spool,
  id: string,
  from: 'queue' | 'dead',
): Promise<Kept | undefined> {
  const entry = await spool.read(id, from)
  if (entry === undefined) return undefined
  const { plan, version: _, ...kept } = entry.record
  return {
    kept,
    from,
    recipients: kept.envelope.recipients,
    was: plan.map((step: PlannedAction) => knownStep(step)),
    read: entry.message,
    close: entry.close,
  }
}

/**
 * Whoever has the public key can seal a receipt, and of this one header fields are made: the envelope
 * must be one that the server takes (src/mail/envelope.ts), and the time one that there is.
 */
function requireSound({ envelope, time }: KeptMessage): void {
  const { remoteIp, remoteHost = '', helo, reversePath, recipients, protocol, tls } = envelope
  const texts = [remoteIp, remoteHost, helo, reversePath, ...recipients, protocol]
  const all = [...texts, tls?.version ?? '', tls?.cipher ?? '']
  const sound = all.every((each) => typeof each === 'string' && !/[\x00-\x1f\x7f]/.test(each))
  const whole = recipients.length > 0 && remoteIp !== '' && Number.isFinite(Date.parse(time))
  if (sound && whole) return
  throw new PermanentError(
    'its receipt names an envelope that no server took: it was not written by Postern',
  )
}
