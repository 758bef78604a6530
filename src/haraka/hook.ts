/**
 * The one wrapper around every Haraka hook. Left alone, a hook that throws lets the mail pass, one
 * whose promise rejects ends the server, and one that forgets `next` costs the client 30 seconds
 * (pitfalls P11–P13, B8). Wrapped, each of them is answered once, and with 451.
 */
import * as constants from 'haraka-constants'
import { describeError } from '../errors.ts'
import { log } from '../log.ts'
import { type Answer, answerWith, replies } from './replies.ts'
import type { Connection, Next } from './types.ts'

/** Below Haraka's plugin_timeout (home.ts), so that a slow hook gets our answer and not Haraka's. */
export const hookTimeoutMs = 50_000

/** What a handler gets beside the connection and the hook's parameters. */
export type Turn = {
  /**
   * Whether the client still waits for this answer. False once the session ended or the hook's time
   * is over: whatever is done then must be undone, the client was not told 250 (pitfalls P13, P14).
   */
  readonly awaited: () => boolean
}

export type Hook<Parameter> = (next: Next, connection: Connection, parameter: Parameter) => void

/**
 * Makes a Haraka hook of a handler that returns its answer. The handler copies what it needs out of
 * `connection.transaction` before its first await: the client may be gone after it.
 */
export function hook<Parameter = undefined>(
  handler: (connection: Connection, parameter: Parameter, turn: Turn) => Answer | Promise<Answer>,
): Hook<Parameter> {
  return (next, connection, parameter) => {
    const { transaction } = connection
    let over = false
    let timer: NodeJS.Timeout | undefined

    const finish = (answer: Answer): void => {
      if (over) return
      over = true
      clearTimeout(timer)
      try {
        answerWith(connection, answer.reply)
        next(resultOf(answer))
      } catch (error) {
        log.error({ err: error, session: connection.uuid }, 'Haraka failed on the answer of a hook')
        connection.disconnect()
      }
    }
    const fail = (error: unknown): void => {
      log.error(
        { session: connection.uuid, reason: describeError(error), err: error },
        'A check or the spool failed; the client was told to try again later (451)',
      )
      finish(replies.ourFault)
    }

    const awaited = (): boolean =>
      !over &&
      connection.transaction === transaction &&
      connection.state < constants.connection.state.DISCONNECTING

    try {
      const answer = handler(connection, parameter, { awaited })
      if (!(answer instanceof Promise)) return finish(answer)
      timer = setTimeout(() => fail(new Error('the hook took too long')), hookTimeoutMs)
      answer.then(finish, fail)
    } catch (error) {
      fail(error)
    }
  }
}

function resultOf({ disposition, disconnect }: Answer): number {
  switch (disposition) {
    case 'accept':
      return constants.ok
    case 'continue':
      return constants.cont
    case 'reject':
      return disconnect ? constants.denydisconnect : constants.deny
    case 'defer':
      return disconnect ? constants.denysoftdisconnect : constants.denysoft
  }
}
