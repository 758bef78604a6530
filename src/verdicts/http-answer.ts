/**
 * Reads the answer to a request of HTTP/1.0: a status line, fields, a body that ends where Content-Length says or with
 * the connection. Bounded, and strict: what is not surely understood is no answer. Pure. RFC 9112 §4, §6.3
 */
import { NoAnswer } from './connection.ts'

export type Answer = {
  readonly status: number
  /** The field `Server`. */
  readonly server: string | undefined
  /** Of a status other than 200 nobody reads it: ''. */
  readonly body: string
}

type Head = Omit<Answer, 'body'> & {
  /** Octets before the body. */
  readonly end: number
  /** Octets of the body; unknown until the connection ends. */
  readonly bodyBytes: number | undefined
}

const maxHeadBytes = 16 * 1024
/** A thousand symbols are some 200 KB. */
const maxBodyBytes = 4 * 1024 * 1024

/** What it returns takes the next octets, `undefined` at the end, until it returns the answer. That throws NoAnswer. */
export function answerReader(): (octets: Buffer | undefined) => Answer | undefined {
  const heard: Buffer[] = []
  let length = 0
  let head: Head | undefined
  return (octets) => {
    if (octets !== undefined) heard.push(octets)
    length += octets?.length ?? 0
    head ??= headOf(Buffer.concat(heard))
    if (head === undefined) return undefined
    const { status, server, end, bodyBytes } = head
    if (status !== 200) return { status, server, body: '' }
    if ((bodyBytes ?? length - end) > maxBodyBytes) throw odd('without end')
    const isWhole = bodyBytes === undefined ? octets === undefined : length >= end + bodyBytes
    if (!isWhole) return undefined
    return {
      status,
      server,
      body: Buffer.concat(heard).toString('utf8', end, end + (bodyBytes ?? length)),
    }
  }
}

const odd = (how: string): NoAnswer => new NoAnswer('answer', `the answer is ${how}`)

/** `undefined` until it is whole. */
function headOf(heard: Buffer): Head | undefined {
  const end = heard.indexOf('\r\n\r\n')
  if (end > maxHeadBytes || (end < 0 && heard.length > maxHeadBytes)) throw odd('without end')
  if (end < 0) return undefined
  const [first = '', ...lines] = heard.toString('latin1', 0, end).split('\r\n')
  const status = /^HTTP\/1\.[01] ([1-5]\d\d)(?: |$)/.exec(first)?.[1]
  if (status === undefined) throw odd('no HTTP')
  const fields = new Map<string, string>()
  for (const line of lines) {
    const colon = line.indexOf(':')
    const name = line.slice(0, Math.max(colon, 0)).toLowerCase()
    if (!/^[!#-'*+.^-z|~0-9-]+$/.test(name)) throw odd('no HTTP')
    if (name === 'content-length' && fields.has(name)) throw odd('of two lengths')
    fields.set(name, line.slice(colon + 1).trim())
  }
  // §6.1: not to a client of HTTP/1.0.
  if (fields.has('transfer-encoding')) throw odd('in a coding of its own')
  const bodyBytes = fields.get('content-length')
  if (bodyBytes !== undefined && !/^\d{1,10}$/.test(bodyBytes)) throw odd('of no length')
  return {
    status: Number(status),
    server: fields.get('server'),
    end: end + 4,
    bodyBytes: bodyBytes === undefined ? undefined : Number(bodyBytes),
  }
}
