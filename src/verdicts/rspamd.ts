/** One HTTP exchange with rspamd: bounded in time and size, no redirect is followed, nothing outlives `signal`. */
import { type Agent, type IncomingMessage, type OutgoingHttpHeaders, request } from 'node:http'
import { request as secureRequest } from 'node:https'
import { Readable } from 'node:stream'
import type { Pieces } from '../mail/captured.ts'

export type Answer = {
  readonly status: number
  /** The header `Server`. */
  readonly server: string | undefined
  readonly body: string
}

export type Question = {
  readonly agent: Agent
  readonly signal: AbortSignal
  readonly headers?: OutgoingHttpHeaders
  readonly body?: { readonly length: number; readonly octets: Pieces }
}

/** There was no answer. */
export class RspamdError extends Error {
  override readonly name = 'RspamdError'
  readonly reason: 'rspamd-unavailable' | 'rspamd-connection-lost' | 'rspamd-answer' | 'timeout'

  constructor(reason: RspamdError['reason'], message: string) {
    super(message)
    this.reason = reason
  }
}

/** A thousand symbols are some 200 KB. */
const maxAnswerBytes = 4 * 1024 * 1024

/** Throws RspamdError; what reading the message throws is passed on. */
export async function exchange(url: URL, question: Question): Promise<Answer> {
  const { agent, signal, headers = {}, body } = question
  if (signal.aborted) throw new RspamdError('timeout', 'there is no time left')
  const send = url.protocol === 'https:' ? secureRequest : request
  const answered = Promise.withResolvers<IncomingMessage>()
  let connected = false
  const outgoing = send(url, {
    method: body === undefined ? 'GET' : 'POST',
    agent,
    headers: body === undefined ? headers : { ...headers, 'Content-Length': body.length },
  })
  const abort = (): void => {
    outgoing.destroy(new RspamdError('timeout', 'rspamd took too long'))
  }
  signal.addEventListener('abort', abort, { once: true })
  outgoing.once('socket', (socket) => {
    connected = !socket.connecting
    socket.once('connect', () => {
      connected = true
    })
  })
  outgoing.once('response', answered.resolve)
  outgoing.once('error', (error) => {
    const reason = connected ? 'rspamd-connection-lost' : 'rspamd-unavailable'
    answered.reject(error instanceof RspamdError ? error : new RspamdError(reason, error.message))
  })
  try {
    if (body === undefined) outgoing.end()
    else sendBody(body.octets, outgoing, answered.reject)
    const incoming = await answered.promise
    const text = await read(incoming, signal)
    // It answered before it had the whole message: the connection is of no further use.
    if (!outgoing.writableFinished) outgoing.destroy()
    return {
      status: incoming.statusCode ?? 0,
      server: incoming.headers['server']?.toString(),
      body: text,
    }
  } finally {
    signal.removeEventListener('abort', abort)
  }
}

function sendBody(
  octets: Pieces,
  outgoing: ReturnType<typeof request>,
  fail: (error: unknown) => void,
): void {
  const source = Readable.from(octets, { objectMode: false })
  source.once('error', (error) => {
    fail(error)
    outgoing.destroy()
  })
  outgoing.once('close', () => source.destroy())
  source.pipe(outgoing)
}

async function read(incoming: IncomingMessage, signal: AbortSignal): Promise<string> {
  const pieces: Buffer[] = []
  let length = 0
  try {
    for await (const piece of incoming as AsyncIterable<Buffer>) {
      length += piece.length
      if (length > maxAnswerBytes) {
        throw new RspamdError('rspamd-answer', 'rspamd answered without end')
      }
      pieces.push(piece)
    }
  } catch (error) {
    if (error instanceof RspamdError) throw error
    const reason = signal.aborted ? 'timeout' : 'rspamd-connection-lost'
    throw new RspamdError(reason, error instanceof Error ? error.message : '')
  }
  return Buffer.concat(pieces).toString('utf8')
}
