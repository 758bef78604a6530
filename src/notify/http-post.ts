/**
 * POST of JSON to a place that somebody else runs. One time-out covers all of it; no redirect is followed;
 * a host name leads to no private address, looked at where the connection is made, so that DNS can't
 * change its mind in between; of the answer only so much is read. Rejects with a sentence that names the
 * host and shows nothing that the target sent but a short, escaped piece.
 */
import { lookup } from 'node:dns'
import http from 'node:http'
import https from 'node:https'
import type { LookupFunction } from 'node:net'
import { PermanentError, RetryAfterError } from '../errors.ts'
import { isLiteral, isPrivateAddress } from './private-address.ts'

export type PostOptions = {
  readonly url: string
  readonly timeoutMs: number
  readonly allowPrivate: boolean
  /** Octets of an answer that are read; the rest is not waited for. */
  readonly maxResponseBytes: number
}

/** Resolves with the body of a 2xx answer. */
export type Post = (body: string, headers: Readonly<Record<string, string>>) => Promise<Buffer>

export type Poster = {
  readonly post: Post
  /** Scheme, host and path: no query, which may be a secret. */
  readonly describe: string
  readonly close: () => void
}

/** An answer that is longer than that is no answer. */
class TooLongError extends Error {
  override readonly name = 'TooLongError'
}

const maxRetryAfterMs = 24 * 3_600_000

export function openPost({ url, timeoutMs, allowPrivate, maxResponseBytes }: PostOptions): Poster {
  const target = new URL(url)
  const { request, Agent } = target.protocol === 'https:' ? https : http
  const free = allowPrivate || isLiteral(target.hostname)
  const agent = new Agent({ keepAlive: true, maxSockets: 64 })
  const describe = `${target.origin}${target.pathname}`

  const post: Post = (body, headers) =>
    new Promise((resolve, reject) => {
      const fail = (reason: string, cause?: unknown): void =>
        reject(new Error(`${target.host}: ${reason}`, cause === undefined ? {} : { cause }))
      const timer = setTimeout(() => {
        fail(`no answer within ${timeoutMs} ms`)
        sent.destroy()
      }, timeoutMs)
      const settle = (finish: () => void): void => {
        clearTimeout(timer)
        finish()
      }
      const sent = request(
        target,
        {
          method: 'POST',
          agent,
          headers: {
            'content-type': 'application/json',
            'content-length': Buffer.byteLength(body),
            'user-agent': 'Postern',
            ...headers,
          },
          ...(free ? {} : { lookup: publicOnly }),
        },
        (response) => {
          read(response, maxResponseBytes).then(
            (answer) =>
              settle(() => {
                const failure = failureOf(response, answer, target.host)
                if (failure === undefined) resolve(answer)
                else reject(failure)
              }),
            (error: unknown) => {
              const { statusCode = 0 } = response
              settle(() => {
                // 2xx was said, and nobody needs the rest, unless an answer was asked for.
                if (error instanceof TooLongError)
                  reject(
                    new Error(
                      `${target.host}: the answer is longer than ${maxResponseBytes} octets`,
                    ),
                  )
                else fail(`the answer ${statusCode} broke off`, error)
              })
            },
          )
        },
      )
      sent.on('error', (error) => settle(() => fail('no connection', error)))
      sent.end(body)
    })
  return { post, describe, close: () => agent.destroy() }
}

async function read(response: http.IncomingMessage, most: number): Promise<Buffer> {
  const pieces: Buffer[] = []
  let length = 0
  for await (const piece of response as AsyncIterable<Buffer>) {
    length += piece.length
    // Leaving the loop destroys the socket: it is not used again.
    if (length > most) throw new TooLongError()
    pieces.push(piece)
  }
  return Buffer.concat(pieces)
}

function failureOf(
  { statusCode = 0, headers }: http.IncomingMessage,
  answer: Buffer,
  host: string,
): Error | undefined {
  if (statusCode >= 200 && statusCode < 300) return undefined
  const said = snippet(answer)
  const text = `${host} answered ${statusCode}${said === '' ? '' : `: ${said}`}`
  if (statusCode === 410) return new PermanentError(`${text} (gone: it wants no more of these)`)
  if (statusCode >= 300 && statusCode < 400)
    return new Error(
      `${host} answered ${statusCode}: redirects are not followed; write the new URL`,
    )
  const wait = retryAfter(headers['retry-after'])
  return wait === undefined ? new Error(text) : new RetryAfterError(text, wait)
}

/** RFC 9110 §10.2.3: seconds, or a date. */
function retryAfter(value: string | undefined): number | undefined {
  if (value === undefined) return undefined
  const wait = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Date.parse(value) - Date.now()
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(0, wait), maxRetryAfterMs)
}

function snippet(answer: Buffer): string {
  const text = answer.subarray(0, 200).toString('utf8')
  return text.replace(/[^ -~]+/g, ' ').trim()
}

/** The system's look-up, refused when any of the addresses is private. */
const publicOnly: LookupFunction = (hostname, options, callback) => {
  lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) return callback(error, '')
    const bad = found.find(({ address }) => isPrivateAddress(address))
    if (bad !== undefined || found[0] === undefined) {
      const reason = `leads to the private address ${bad?.address}; set allowPrivate: true if it is meant`
      return callback(new Error(reason), '')
    }
    if (options.all) return callback(null, found)
    callback(null, found[0].address, found[0].family)
  })
}
