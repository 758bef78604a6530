/**
 * One request to rspamd and its answer; no redirect is followed. HTTP/1.0, one of the two that rspamd speaks: it closes
 * every connection anyway, and what an answer can be is little. Ours and not node:http, which takes 0.08 ms of CPU more
 * for a message, as much as all the rest but the system's part.
 */
import { connect, isIP, type Socket } from 'node:net'
import { connect as secureConnect } from 'node:tls'
import type { Pieces } from '../mail/captured.ts'
import { askOnce } from './connection.ts'
import { type Answer, answerReader } from './http-answer.ts'

export type Question = {
  readonly path: 'checkv2' | 'ping'
  readonly headers?: Readonly<Record<string, string | readonly string[]>>
  readonly message?: { readonly size: number; readonly pieces: Pieces }
}

/** Rejects with NoAnswer; what reading the message throws is passed on. */
export type AskRspamd = (question: Question, signal: AbortSignal) => Promise<Answer>

/** `url`: of a worker, http://host:11333, or of what stands before it. */
export function rspamdAt(url: string): AskRspamd {
  const { protocol, host, hostname, port, pathname } = new URL(url)
  const base = pathname.endsWith('/') ? pathname : `${pathname}/`
  const who = `rspamd at ${url}`
  const isSecure = protocol === 'https:'
  const place = {
    host: hostname.replace(/^\[|\]$/g, ''),
    port: Number(port || (isSecure ? 443 : 80)),
    noDelay: true,
  }
  const name = isIP(place.host) === 0 ? { servername: place.host } : {}
  /** With it, the next handshake costs half. */
  let session: Buffer | undefined
  const open = (): Socket => {
    if (!isSecure) return connect(place)
    const known = session === undefined ? {} : { session }
    const socket = secureConnect({ ...place, ...name, ...known, ALPNProtocols: ['http/1.1'] })
    return socket.on('session', (next) => {
      session = next
    })
  }

  return async ({ path, headers = {}, message }, signal) => {
    const lines = [
      `${message === undefined ? 'GET' : 'POST'} ${base}${path} HTTP/1.0`,
      `Host: ${host}`,
      ...Object.entries(headers).flatMap(([field, values]) =>
        [values].flat().map((value) => `${field}: ${value}`),
      ),
      ...(message === undefined ? [] : [`Content-Length: ${message.size}`]),
    ]
    // Whoever made them has seen to it; here a mistake would be a request of the sender's own.
    if (lines.some((line) => /[\x00-\x08\x0a-\x1f\x7f]/.test(line)))
      throw new Error('a header field has a control character')
    const before = Buffer.from(`${lines.join('\r\n')}\r\n\r\n`, 'latin1')
    const question = { before, pieces: message?.pieces ?? [], hear: answerReader() }
    return askOnce(open(), who, question, signal)
  }
}
