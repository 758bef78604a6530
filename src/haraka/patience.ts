/**
 * Ends sessions that Haraka's inactivity timeout does not reach, since an octet now and then renews it: a
 * command or a message that comes too slowly, a session that lasts too long, a client that was told
 * goodbye and keeps its end of the connection.
 */
import { connection as constants } from 'haraka-constants'
import { conductOf } from './conduct.ts'
import { answerWith, type Refusal, replies } from './replies.ts'
import { remove } from './short-lived.ts'
import type { Connection } from './types.ts'

const { CMD, LOOP, DATA, DISCONNECTING } = constants.state

export type PatienceLimits = {
  readonly inactivitySeconds: number
  readonly maxSessionSeconds: number
  readonly minBytesPerSecond: number
}

/** How long a client may take to read the last reply and close. */
const lingerSeconds = 5

type Session = {
  readonly connection: Connection
  readonly began: number
  dataSince?: number | undefined
  endingSince?: number
}

/** Not a Set: see short-lived.ts. */
const sessions: Session[] = []
let sweeping = false

/** Until its connection is gone. */
export function beImpatientWith(connection: Connection, limits: PatienceLimits): void {
  const session: Session = { connection, began: seconds() }
  sessions.push(session)
  connection.client.on('close', () => remove(sessions, session))
  if (sweeping) return
  sweeping = true
  setInterval(() => {
    for (const each of [...sessions]) look(each, limits, seconds())
  }, 1000).unref()
}

const seconds = (): number => performance.now() / 1000

function look(session: Session, limits: PatienceLimits, now: number): void {
  const { connection } = session
  if (connection.state >= DISCONNECTING) {
    session.endingSince ??= now
    if (now - session.endingSince > lingerSeconds) connection.client.destroy()
    return
  }
  if (connection.state === DATA) session.dataSince ??= now
  else session.dataSince = undefined
  const reason = tooLong(session, limits, now)
  if (reason === undefined) return
  // Haraka's own 421s have another text.
  answerWith(connection, reason)
  connection.respond(reason.code, reason.text, () => connection.disconnect())
}

/** While a reply is due, it is we who are waited for. */
function tooLong(
  { connection, began, dataSince }: Session,
  { inactivitySeconds, maxSessionSeconds, minBytesPerSecond }: PatienceLimits,
  now: number,
): Refusal['reply'] | undefined {
  const { state, transaction } = connection
  if (state !== CMD && state !== LOOP && state !== DATA) return undefined
  if (now - began > maxSessionSeconds) return replies.sessionTooLong.reply
  if (dataSince !== undefined) {
    const took = now - dataSince
    const isSlow = (transaction?.data_bytes ?? 0) < took * minBytesPerSecond
    return isSlow && took > inactivitySeconds ? replies.messageTooSlow.reply : undefined
  }
  const since = (conductOf(connection)?.repliedAt() ?? 0) / 1000
  return now - since > inactivitySeconds ? replies.waitedTooLong.reply : undefined
}
