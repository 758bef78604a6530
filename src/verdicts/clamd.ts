/**
 * clamd's protocol (clamd(8)): a stream to scan, PING, VERSION. Each call is one connection, gone when
 * the call ends, whatever ended it. Memory does not grow with the stream: a slow clamd makes the source wait.
 *
 * Ours and not the npm package clamscan 2.4.0, which was to be used and can't be: its scanStream writes to
 * the socket without ever waiting for it, so that sixteen messages of 40 MB before a slow clamd are 640 MB
 * of memory; it has no way to end a scan, and leaves the socket open after a time-out (pitfalls P51); its
 * promise stays open for ever when the socket closes without an end; it prints errors on the console.
 */
import { connect, type Socket } from 'node:net'
import type { Pieces } from '../mail/captured.ts'

/** `unix:/path` or `host:port`. */
export type Place = string

/** No answer came. `reason`: unavailable (nobody is there), connection-lost, timeout, answer (too long). */
export class ClamdError extends Error {
  override readonly name = 'ClamdError'
  readonly reason: 'unavailable' | 'connection-lost' | 'timeout' | 'answer'

  constructor(reason: ClamdError['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}

/** clamd names what it found in a line; a longer answer is none of its. */
const maxAnswerBytes = 64 * 1024

/** clamd's answer to the octets of `source`: `stream: OK`, `stream: NAME FOUND`, `… ERROR`. Throws ClamdError. */
export function instream(place: Place, source: Pieces, signal: AbortSignal): Promise<string> {
  return converse(place, signal, async (socket, answered) => {
    socket.write('zINSTREAM\0')
    for await (const octets of source) {
      // It may have seen enough: a virus, or more than its limit.
      if (answered() || socket.destroyed) return
      if (octets.length === 0) continue
      const length = Buffer.alloc(4)
      length.writeUInt32BE(octets.length)
      socket.cork()
      socket.write(length)
      const more = socket.write(octets)
      socket.uncork()
      if (!more) await drained(socket)
    }
    socket.write(Buffer.alloc(4))
  })
}

/** `PING` → `PONG`, `VERSION` → `ClamAV 1.4.6/27000/…`. Throws ClamdError. */
export function ask(place: Place, command: 'PING' | 'VERSION', signal: AbortSignal) {
  return converse(place, signal, async (socket) => {
    socket.write(`z${command}\0`)
  })
}

async function converse(
  place: Place,
  signal: AbortSignal,
  speak: (socket: Socket, answered: () => boolean) => Promise<void>,
): Promise<string> {
  if (signal.aborted) throw new ClamdError('timeout', 'there is no time left')
  const answer = Promise.withResolvers<string>()
  const socket = connect(addressOf(place))
  let heard = ''
  let connected = false
  const lost = (why: string): void => {
    const reason = connected ? 'connection-lost' : 'unavailable'
    answer.reject(new ClamdError(reason, `clamd at ${place}: ${why}`))
  }
  const abort = (): void =>
    answer.reject(new ClamdError('timeout', `clamd at ${place} took too long`))
  signal.addEventListener('abort', abort, { once: true })
  socket.on('data', (octets) => {
    heard += octets.toString('latin1')
    if (heard.includes('\0')) answer.resolve(heard.slice(0, heard.indexOf('\0')))
    else if (heard.length > maxAnswerBytes) {
      answer.reject(new ClamdError('answer', `clamd at ${place} answered without end`))
    }
  })
  socket.once('error', (error) => lost(error.message))
  socket.once('end', () => lost('the connection was closed before an answer'))
  socket.once('close', () => lost('the connection was closed'))
  socket.once('connect', () => {
    connected = true
    speak(socket, () => heard !== '').catch((error: unknown) => answer.reject(error))
  })
  try {
    return await answer.promise
  } finally {
    signal.removeEventListener('abort', abort)
    socket.destroy()
  }
}

function addressOf(place: Place): { path: string } | { host: string; port: number } {
  if (place.startsWith('unix:')) return { path: place.slice('unix:'.length) }
  const colon = place.lastIndexOf(':')
  const host = place.slice(0, colon).replace(/^\[|\]$/g, '')
  return { host, port: Number(place.slice(colon + 1)) }
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
