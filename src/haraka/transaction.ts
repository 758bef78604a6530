/** What Postern knows of one transaction, from MAIL to its answer, under one key of Haraka's notes. */
import type { DataReader } from '../mail/data-reader.ts'
import type { Envelope } from '../mail/envelope.ts'
import type { Verdicts } from '../mail/verdict.ts'
import type { Address, Connection } from './types.ts'

/** What capture writes the message to: a spool draft. */
type Draft = { readonly discard: () => void }

/** What the transaction holds of the process's memory: see src/limits/memory.ts. */
type MemoryAccount = {
  readonly set: (octets: number) => boolean
  readonly held: () => number
  readonly close: () => void
}

/** `R`: the rules that the message is judged by, from MAIL to its answer the same. */
export type MailState<D extends Draft = Draft, R = unknown> = {
  readonly smtpUtf8: boolean
  readonly rules: R
  memory?: MemoryAccount
  capture?: { readonly reader: DataReader; readonly draft: D }
  /** Set at the end of data, when the checks begin. */
  envelope?: Envelope
  /** Ends the checks: nobody waits for them any more. */
  stopChecks?: () => void
  verdicts?: Verdicts
  checkedInMs?: number
  /** Set once the draft belongs to the commit, which then decides about it alone. */
  committing?: true
}

const key = 'postern'

export function setMailState(connection: Connection, state: MailState): void {
  if (connection.transaction !== null) connection.transaction.notes[key] = state
}

/** `undefined` outside a transaction. */
export function mailState<D extends Draft, R = unknown>(
  connection: Connection,
): MailState<D, R> | undefined {
  return connection.transaction?.notes[key] as MailState<D, R> | undefined
}

/** RFC 5321 §4.1.1.3: `<postmaster>` needs no domain; here it means this server's. */
export function addressOf(address: Address, hostname: string): string {
  const text = address.address
  return text.toLowerCase() === 'postmaster' ? `postmaster@${hostname}` : text
}

/** RFC 3848, RFC 6531 §4.3: the `with` keyword. */
function protocolOf(connection: Connection, smtpUtf8: boolean): string {
  if (connection.hello.verb !== 'EHLO') return 'SMTP'
  return `${smtpUtf8 ? 'UTF8SMTP' : 'ESMTP'}${connection.tls.enabled ? 'S' : ''}`
}

/**
 * The envelope as it is now, the client's PTR name in it when that is known in time. Copied before the
 * first await: afterwards the connection may hold nothing of it.
 */
export async function envelopeOf(
  connection: Connection,
  smtpUtf8: boolean,
  hostname: string,
): Promise<Envelope> {
  const { tls, remote, hello, transaction } = connection
  if (transaction === null) throw new Error('there is no transaction')
  const envelope: Envelope = {
    remoteIp: remote.ip,
    helo: hello.host ?? '',
    reversePath: transaction.mail_from.address,
    recipients: transaction.rcpt_to.map((each) => addressOf(each, hostname)),
    protocol: protocolOf(connection, smtpUtf8),
    ...(tls.enabled
      ? {
          tls: {
            version: tls.cipher?.version ?? 'unknown',
            cipher: tls.cipher?.standardName ?? tls.cipher?.name ?? 'unknown',
          },
        }
      : {}),
  }
  const remoteHost = await reverseNames.get(connection)
  return remoteHost === undefined ? envelope : { ...envelope, remoteHost }
}

const reverseNames = new WeakMap<Connection, Promise<string | undefined>>()

/** The look-up of the client's PTR name, begun with the session and awaited at its first message. */
export function rememberReverseName(
  connection: Connection,
  name: Promise<string | undefined>,
): void {
  reverseNames.set(connection, name)
}
