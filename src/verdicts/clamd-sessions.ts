/**
 * Messages scanned one after the other on a connection that is kept (clamd(8), IDSESSION): to open one for each takes
 * as much CPU of ours as all else of a scan. An answer counts only if it has the number of its own question and nothing
 * behind it; whatever else happens closes the session, and the message is sent again on a connection of its own:
 * clamd may have closed the session meanwhile, and breaks off in one what takes longer than its ReadTimeout
 * (clamd 1.4.3). What is not in memory can't be sent twice, and has its own from the beginning.
 */
import type { Socket } from 'node:net'
import type { Pieces } from '../mail/captured.ts'
import { instream, instreamOf, nameOf, oneAnswer, open, type Place } from './clamd.ts'
import { type Connection, connectionOn, NoAnswer } from './connection.ts'

/** clamd's answer to these octets: `stream: OK`, `stream: NAME FOUND`, `… ERROR`. Rejects with NoAnswer. */
export type Scan = (pieces: Pieces, signal: AbortSignal) => Promise<string>

type Session = { readonly socket: Socket; readonly connection: Connection; questions: number }

/** Those that wait are few, and not for long: they count in clamd's MaxQueue (100), beyond which it takes nobody. */
const mostIdle = 4
const idleMs = 1000

const begin = Buffer.from('zIDSESSION\0')

export function clamdSessions(place: Place): Scan {
  const idle: Session[] = []

  function opened(): Session {
    const socket = open(place)
    socket.on('timeout', () => socket.destroy())
    return { socket, connection: connectionOn(socket, nameOf(place)), questions: 0 }
  }

  async function scanned(
    session: Session,
    pieces: readonly Buffer[],
    signal: AbortSignal,
  ): Promise<string> {
    const { socket, connection } = session
    socket.ref()
    socket.setTimeout(0)
    session.questions += 1
    const number = session.questions
    const question = instreamOf(pieces)
    const before = number === 1 ? Buffer.concat([begin, question.before]) : question.before
    const answer = await connection.ask({ ...question, before, hear: oneAnswer(number) }, signal)
    const isClear = / (?:OK|FOUND)$/.test(answer) && connection.isFree()
    if (isClear && idle.length < mostIdle) {
      idle.push(session)
      socket.setTimeout(idleMs)
      socket.unref()
    } else connection.close()
    return answer
  }

  return async (pieces, signal) => {
    if (Symbol.asyncIterator in pieces) return instream(place, pieces, signal)
    const waiting = idle.pop()
    const session = waiting?.connection.isFree() ? waiting : opened()
    try {
      return await scanned(session, pieces, signal)
    } catch (error) {
      const { reason } = error instanceof NoAnswer ? error : {}
      if (reason !== 'connection-lost' && reason !== 'answer') throw error
      return instream(place, pieces, signal)
    }
  }
}
