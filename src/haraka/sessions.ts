/**
 * The sessions of this process, so that a stop can end them: the idle ones at once, the others as
 * soon as their message has its answer.
 */
import { connection as constants } from 'haraka-constants'
import { answerWith, replies } from './replies.ts'
import { nothing, remove } from './short-lived.ts'
import type { Connection } from './types.ts'

/** Not a Set: see short-lived.ts. */
const open: Connection[] = []
let draining: (() => void) | undefined

export function sessionBegins(connection: Connection): void {
  open.push(connection)
  forgetWhenClosed(connection)
}

/** A closed socket counts as alive for some time (short-lived.ts): nothing of the session hangs on it. */
function forgetWhenClosed({ client }: Connection): void {
  client.on('close', () =>
    // After all others have heard of it.
    setImmediate(() => {
      for (const each of [client, client.targetsocket]) {
        each?.removeAllListeners?.()
        each?.on?.('error', nothing)
      }
      Object.assign(client, { pause: nothing, resume: nothing })
    }),
  )
}

export function sessionEnds(connection: Connection): void {
  remove(open, connection)
  if (open.length === 0) draining?.()
}

/** At the end of each transaction, before Haraka has taken it away. A session must not idle on through a stop. */
export function transactionEnds(connection: Connection): void {
  if (isDraining()) setImmediate(() => endIfIdle(connection))
}

/** Whether this process is stopping: no new transaction may begin. */
export function isDraining(): boolean {
  return draining !== undefined
}

/** Resolves when no session is left. Those without a transaction are told 421 now. */
export function drainSessions(): Promise<void> {
  return new Promise((resolve) => {
    draining = resolve
    if (open.length === 0) resolve()
    for (const connection of [...open]) endIfIdle(connection)
  })
}

/** Ends those that are left with 421, whatever they are in: nothing of it was promised. How many. */
export function cutSessions(): number {
  const left = open.filter(({ state }) => state < constants.state.DISCONNECTING)
  for (const connection of left) end(connection)
  return left.length
}

function endIfIdle(connection: Connection): void {
  if (connection.transaction === null && connection.state === constants.state.CMD) end(connection)
}

function end(connection: Connection): void {
  const { code, text } = replies.shuttingDown.reply
  // Haraka's own 421s have another text; this one is to stay.
  answerWith(connection, replies.shuttingDown.reply)
  connection.respond(code, text, () => connection.disconnect())
}
