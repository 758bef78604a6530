/**
 * The clear-text index that an object's metadata is (src/mail/metadata.ts makes it). Pure. Nobody
 * authenticates metadata: it is good for finding mail, never for trusting it, and doubt reads as
 * PROCESSING_FAILED, never as PASS.
 */
import { isMessageId } from '../mail/message-id.ts'
import { metadataOf } from '../mail/metadata.ts'
import type { Receipt } from '../mail/receipt.ts'
import type { Verdict, VerdictName } from '../mail/verdict.ts'
import type { ObjectInfo } from '../store/object-store.ts'
import { IndexMismatchError, shown } from './errors.ts'
import { isVerdict } from './receipt.ts'

export type Metadata = Readonly<Record<string, string>>

export type IndexedVerdicts = { readonly [name in VerdictName]: Verdict } & {
  readonly dmarcPolicy?: 'none' | 'quarantine' | 'reject'
}

/** One message of a listing: what its metadata says, which is not authenticated. */
export type Item = {
  readonly id: string
  /** What `get` and `after` take. */
  readonly key: string
  /** When the message was received: ISO 8601, UTC, as in the receipt. */
  readonly time: string
  /** Octets of the message as received. */
  readonly size: number
  readonly verdicts: IndexedVerdicts
  /**
   * Present for a message that Amazon SES stored, of which nothing is known before it is opened: `time` is
   * when it was stored, `size` counts SES's own fields, and no verdict is PASS.
   */
  readonly origin?: 'ses'
}

/** Undefined for an object that is not Postern's. */
export function itemOf({ key, metadata, time, size }: ObjectInfo): Item | undefined {
  const id = metadata['postern-id']
  if (id === undefined || id === '') return undefined
  const received = metadata['postern-time'] ?? ''
  const octets = metadata['postern-size'] ?? ''
  return {
    id,
    key,
    // What cannot be read is told from the object itself, which is near: a listing goes on.
    time: /^\d{4}-\d\d-\d\dT[\d:.]+Z$/.test(received) ? received : time.toISOString(),
    size: sizeOf(octets, size),
    verdicts: verdictsOf(metadata),
  }
}

/** Undefined for an object that is not named as Amazon SES names its messages. */
export function sesItemOf({ key, metadata, time, size }: ObjectInfo): Item | undefined {
  const id = key.slice(key.lastIndexOf('/') + 1)
  if (!isMessageId(id)) return undefined
  const octets = metadata['x-amz-unencrypted-content-length'] ?? ''
  return {
    id,
    key,
    time: time.toISOString(),
    size: sizeOf(octets, size),
    verdicts: verdictsOf({}),
    origin: 'ses',
  }
}

function sizeOf(octets: string, otherwise: number): number {
  return /^\d{1,15}$/.test(octets) ? Number(octets) : otherwise
}

function verdictsOf(metadata: Metadata): IndexedVerdicts {
  const word = (name: VerdictName): Verdict => {
    const text = metadata[`postern-${name}`]
    return isVerdict(text) ? text : 'PROCESSING_FAILED'
  }
  const policy = metadata['postern-dmarc-policy']
  return {
    spf: word('spf'),
    dkim: word('dkim'),
    dmarc: word('dmarc'),
    spam: word('spam'),
    virus: word('virus'),
    ...(policy === 'none' || policy === 'quarantine' || policy === 'reject'
      ? { dmarcPolicy: policy }
      : {}),
  }
}

/**
 * Throws where the metadata contradicts the receipt: somebody changed one of them, and whoever chose
 * this message by its metadata chose another. Metadata that is not there contradicts nothing.
 */
export function requireAgreement(metadata: Metadata, receipt: Receipt, prepended: number): void {
  const expected: Record<string, string | undefined> = {
    'postern-dmarc-policy': undefined,
    ...metadataOf(receipt, prepended),
  }
  for (const [name, value] of Object.entries(expected)) {
    const there = metadata[name]
    if (there === undefined || there === value) continue
    throw new IndexMismatchError(
      `The metadata of message ${receipt.id} was altered: ${name} reads "${shown(there)}", the receipt says "${shown(value ?? 'nothing')}". Restore the object, and find out who can write to this store.`,
    )
  }
}
