/**
 * POST of JSON to a place that somebody else runs. One time-out covers all of it; no redirect is followed;
 * a host name leads to no private address, looked at where the connection is made, so that DNS can't
 * change its mind in between; of the answer only so much is read, and its status alone decides. Rejects
 * with a sentence that names the host and shows nothing that the target sent but a short, escaped piece.
 */
import dns from 'node:dns'
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

export type Answer = {
  readonly body: Buffer
  /** Why the body is not whole: 2xx was said all the same, and who needs no answer has done. */
  readonly cut?: string
}

/** Resolves when the answer is 2xx. */
export type Post = (body: string, headers: Readonly<Record<string, string>>) => Promise<Answer>

export type Poster = {
  readonly post: Post
  /** Scheme, host and path: no query, which may be a secret. */
  readonly describe: string
  readonly close: () => void
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
      const fail = (reason: string, cause?: unknown): void => {
        clearTimeout(timer)
        reject(new Error(`${target.host}: ${reason}`, cause === undefined ? {} : { cause }))
      }
      let answered = false
      const late = `no answer within ${timeoutMs} ms`
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
          answered = true
          read(response, maxResponseBytes).then((answer) => {
            clearTimeout(timer)
            const failure = failureOf(response, answer.body, target.host)
            if (failure === undefined) resolve(answer)
            else reject(failure)
          }, reject)
        },
      )
      const timer = setTimeout(() => sent.destroy(new Error(late)), timeoutMs)
      // Once there is an answer, it breaking off is no matter of ours.
      sent.on('error', (error) => {
        if (answered) return
        if (error.message === late) fail(late)
        else fail('no connection', error)
      })
      sent.on('upgrade', (_response, socket) => {
        socket.destroy()
        fail('it answered 101, which nobody asked for')
      })
      sent.end(body)
    })
  return { post, describe, close: () => agent.destroy() }
}

/** What comes of the body: never rejects, since its status has been said. */
async function read(response: http.IncomingMessage, most: number): Promise<Answer> {
  const pieces: Buffer[] = []
  let length = 0
  try {
    for await (const piece of response as AsyncIterable<Buffer>) {
      length += piece.length
      // Leaving the loop destroys the socket: it is not used again.
      if (length > most)
        return { body: Buffer.concat(pieces), cut: `it is longer than ${most} octets` }
      pieces.push(piece)
    }
    return { body: Buffer.concat(pieces) }
  } catch {
    return { body: Buffer.concat(pieces), cut: 'it broke off or took too long' }
  }
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
  const seconds = /^\d{1,9}$/.test(value) ? Number(value) * 1000 : Number.NaN
  // Date.parse alone would take `-5` for a month.
  const date = /^[A-Z][a-z]{2,8}, .* GMT$/.test(value) ? Date.parse(value) - Date.now() : Number.NaN
  const wait = Number.isNaN(seconds) ? date : seconds
  return Number.isNaN(wait) ? undefined : Math.min(Math.max(0, wait), maxRetryAfterMs)
}

function snippet(answer: Buffer): string {
  const text = answer.subarray(0, 200).toString('utf8')
  return text.replace(/[^ -~]+/g, ' ').trim()
}

/** The system's look-up, refused when any of the addresses is private. */
const publicOnly: LookupFunction = (hostname, options, callback) => {
  dns.lookup(hostname, { ...options, all: true }, (error, found) => {
    if (error !== null) return callback(error, '')
    const bad = found.find(({ address }) => isPrivateAddress(address))
    const [first] = found
    if (bad !== undefined || first === undefined) {
      const leads = `leads to the private address ${bad?.address ?? '(none)'}`
      return callback(new Error(`${leads}; set allowPrivate: true if it is meant`), '')
    }
    if (options.all) return callback(null, found)
    callback(null, first.address, first.family)
  })
}
