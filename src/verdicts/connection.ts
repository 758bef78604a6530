/**
 * A connection to an engine: a question is said, then one answer is heard. A question is bounded by its signal, and
 * one that gets no answer takes the connection with it; so does what is said unasked. Memory does not grow with what
 * is said: an engine that does not read makes the source wait.
 */
import type { Socket } from 'node:net'
import { describeError } from '../errors.ts'
import type { Pieces } from '../mail/captured.ts'

/** No answer came. `reason`: unavailable (nobody is there), connection-lost, timeout, answer (none of its kind). */
export class NoAnswer extends Error {
  override readonly name = 'NoAnswer'
  readonly reason: 'unavailable' | 'connection-lost' | 'timeout' | 'answer'

  constructor(reason: NoAnswer['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}

export type Question<Answer> = {
  readonly before: Buffer
  readonly pieces: Pieces
  /** What goes before so many octets of the pieces. */
  readonly prefix?: (length: number) => Buffer
  readonly after?: Buffer
  /** Takes what is heard next, `undefined` at the end; returns the answer once it is whole. May throw NoAnswer. */
  readonly hear: (octets: Buffer | undefined) => Answer | undefined
}

export type Connection = {
  /** One at a time. Rejects with NoAnswer; or, when reading the pieces fails, with that. */
  readonly ask: <Answer>(question: Question<Answer>, signal: AbortSignal) => Promise<Answer>
  /** Whether it is open, and all that was said has been sent. */
  readonly isFree: () => boolean
  readonly close: () => void
}

type Listener = {
  readonly hear: (octets?: Buffer) => void
  readonly lose: (why: string) => void
}

/** On a socket that may still be connecting. `who`: for error messages. */
export function connectionOn(socket: Socket, who: string): Connection {
  let connected = false
  let listener: Listener | undefined
  // An error knows its stack, which costs: none is made where nobody waits for it.
  const lose = (why: string): void => {
    listener?.lose(why)
    socket.destroy()
  }
  socket.on('connect', () => {
    connected = true
  })
  socket.on('data', (octets) => {
    if (listener === undefined) socket.destroy()
    else listener.hear(octets)
  })
  socket.on('error', (error) => lose(describeError(error)))
  socket.on('end', () => {
    listener?.hear()
    lose('the connection was closed before an answer')
  })
  socket.on('close', () => lose('the connection was closed'))

  function ask<Answer>(question: Question<Answer>, signal: AbortSignal): Promise<Answer> {
    return new Promise((resolve, reject) => {
      const settle = (): void => {
        listener = undefined
        signal.removeEventListener('abort', abort)
      }
      const fail = (error: unknown): void => {
        if (listener !== own) return
        settle()
        socket.destroy()
        reject(error)
      }
      const abort = (): void => fail(new NoAnswer('timeout', `${who} took too long`))
      const own: Listener = {
        hear(octets) {
          try {
            const answer = question.hear(octets)
            if (answer === undefined) return
            settle()
            resolve(answer)
          } catch (error) {
            fail(error)
          }
        },
        lose: (why) =>
          fail(new NoAnswer(connected ? 'connection-lost' : 'unavailable', `${who}: ${why}`)),
      }
      listener = own
      if (signal.aborted) return abort()
      if (socket.destroyed) return own.lose('the connection is closed')
      signal.addEventListener('abort', abort)
      const { pieces } = question
      if (Symbol.asyncIterator in pieces) sayAsRead(socket, question, pieces).catch(fail)
      else sayAtOnce(socket, question, pieces)
    })
  }

  return {
    ask,
    isFree: () => !socket.destroyed && socket.writableLength === 0,
    close: () => socket.destroy(),
  }
}

/** One question on a connection of its own. */
export async function askOnce<Answer>(
  socket: Socket,
  who: string,
  question: Question<Answer>,
  signal: AbortSignal,
): Promise<Answer> {
  const connection = connectionOn(socket, who)
  try {
    return await connection.ask(question, signal)
  } finally {
    connection.close()
  }
}

type Said = Omit<Question<never>, 'hear'>

/** In one system call, and no more memory than the pieces have already. */
function sayAtOnce(
  socket: Socket,
  { before, prefix, after }: Said,
  pieces: readonly Buffer[],
): void {
  const length = pieces.reduce((sum, octets) => sum + octets.length, 0)
  socket.cork()
  socket.write(before)
  if (prefix !== undefined && length > 0) socket.write(prefix(length))
  for (const octets of pieces) socket.write(octets)
  if (after !== undefined) socket.write(after)
  socket.uncork()
}

async function sayAsRead(
  socket: Socket,
  { before, prefix, after }: Said,
  pieces: AsyncIterable<Buffer>,
): Promise<void> {
  socket.write(before)
  for await (const octets of pieces) {
    // It may have heard enough: a virus, or more than its limit.
    if (socket.destroyed) return
    if (octets.length === 0) continue
    socket.cork()
    if (prefix !== undefined) socket.write(prefix(octets.length))
    const more = socket.write(octets)
    socket.uncork()
    if (!more) await drained(socket)
  }
  if (after !== undefined) socket.write(after)
}

function drained(socket: Socket): Promise<void> {
  return new Promise((resolve) => {
    const done = (): void => {
      socket.off('drain', done)
      socket.off('close', done)
      resolve()
    }
    socket.once('drain', done)
    socket.once('close', done)
  })
}
