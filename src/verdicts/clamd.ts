/**
 * clamd's protocol (clamd(8)): a stream to scan, PING, VERSION. Each call is one connection.
 *
 * Ours and not the npm package clamscan 2.4.0, which was to be used and can't be: its scanStream writes to
 * the socket without ever waiting for it, so that sixteen messages of 40 MB before a slow clamd are 640 MB
 * of memory; it has no way to end a scan, and leaves the socket open after a time-out (pitfalls P51); its
 * promise stays open for ever when the socket closes without an end; it prints errors on the console.
 */
import { connect, type Socket } from 'node:net'
import type { Pieces } from '../mail/captured.ts'
import { askOnce, NoAnswer, type Question } from './connection.ts'

/** `unix:/path` or `host:port`. */
export type Place = string

/** clamd names what it found in a line; a longer answer is none of its. */
const maxAnswerBytes = 64 * 1024

/** clamd's answer to these octets: `stream: OK`, `stream: NAME FOUND`, `… ERROR`. Rejects with NoAnswer. */
export function instream(place: Place, pieces: Pieces, signal: AbortSignal): Promise<string> {
  return asked(place, { ...instreamOf(pieces), hear: oneAnswer() }, signal)
}

/** `PING` → `PONG`, `VERSION` → `ClamAV 1.4.6/27000/…`. Rejects with NoAnswer. */
export function ask(place: Place, command: 'PING' | 'VERSION', signal: AbortSignal) {
  const before = Buffer.from(`z${command}\0`)
  return asked(place, { before, pieces: [], hear: oneAnswer() }, signal)
}

function asked(place: Place, question: Question<string>, signal: AbortSignal): Promise<string> {
  return askOnce(open(place), nameOf(place), question, signal)
}

const command = Buffer.from('zINSTREAM\0')
const noMore = Buffer.alloc(4)

/** INSTREAM: the command, chunks with their lengths before them, a length of zero. */
export function instreamOf(pieces: Pieces): Omit<Question<string>, 'hear'> {
  return { before: command, pieces, prefix: lengthOf, after: noMore }
}

function lengthOf(length: number): Buffer {
  const octets = Buffer.allocUnsafe(4)
  octets.writeUInt32BE(length)
  return octets
}

/** Hears one answer, which ends with NUL. In a session it has to have this number, and nothing behind it. */
export function oneAnswer(number?: number): Question<string>['hear'] {
  const start = number === undefined ? '' : `${number}: `
  let heard = ''
  return (octets) => {
    heard += octets?.toString('latin1') ?? ''
    const end = heard.indexOf('\0')
    if (end < 0 && heard.length <= maxAnswerBytes) return undefined
    const isOurs = number === undefined || (heard.startsWith(start) && end === heard.length - 1)
    if (end < 0 || !isOurs) throw new NoAnswer('answer', 'clamd answers what it was not asked')
    return heard.slice(start.length, end)
  }
}

export const nameOf = (place: Place): string => `clamd at ${place}`

export function open(place: Place): Socket {
  if (place.startsWith('unix:')) return connect({ path: place.slice('unix:'.length) })
  const colon = place.lastIndexOf(':')
  const host = place.slice(0, colon).replace(/^\[|\]$/g, '')
  return connect({ host, port: Number(place.slice(colon + 1)), noDelay: true })
}
