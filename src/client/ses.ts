/**
 * The fields that Amazon SES puts before a message it stores. Pure; never throws. SES's are the topmost,
 * in one order, each once; everything from the first that is another is the sender's. There are
 * texts of the sender in them as they came (HELO, host name, reverse-path, signing domains), without
 * quotes. None can hold a line end, so lines are gone by, and no comment or quoted string is ever
 * looked into. SES: reference §6.2
 */
import type { Envelope } from '../mail/envelope.ts'
import { decoded, endOfField } from './fields.ts'

/** What SES writes after Return-Path and Received, in its order; any may be absent. */
const checks = [
  'X-SES-Spam-Verdict',
  'X-SES-Virus-Verdict',
  'Received-SPF',
  'Authentication-Results',
  'X-SES-RECEIPT',
  'X-SES-DKIM-SIGNATURE',
] as const
type Check = (typeof checks)[number]

export type SesBlock = {
  readonly id: string
  /** When SES took the message: ISO 8601, to the second. */
  readonly time: string
  readonly envelope: Envelope
  /** The lines of the fields on its checks, trimmed; undefined where SES recorded none. */
  readonly checks: Readonly<Partial<Record<Check, readonly string[]>>> | undefined
  /** Where the message as received begins. */
  readonly end: number
}

/** The longest field that is taken for SES's. Its own have a few hundred octets. */
const LONGEST_FIELD = 128 * 1024
/** Fields of AddHeader actions before SES's own: their place is not documented. */
const MOST_ADDED = 100

/** Undefined for content that does not begin with what SES writes. */
export function sesBlock(content: Uint8Array): SesBlock | undefined {
  const top = topFields(content)
  const [returnPath, ...others] = top?.returnPath.lines ?? []
  const received = top && receivedBy(top.received.lines)
  if (top === undefined || received === undefined) return undefined
  if (returnPath === undefined || others.length > 0) return undefined
  const { client, recipients, id, time } = received
  const reversePath = returnPath.replace(/^<(.*)>$/s, '$1')
  const envelope = { ...client, reversePath, recipients, protocol: 'SMTP' }
  const { fields, end } = checkFields(content, top.received.end)
  // Without SES's last fields the others may be a sender's own, at the top of the message.
  const recorded = time >= RECEIPT_SINCE && fields['X-SES-RECEIPT'] !== undefined
  return {
    id,
    time,
    envelope,
    checks: recorded ? fields : undefined,
    end: recorded ? end : top.received.end,
  }
}

/** SES: X-SES-RECEIPT is on every message of 2017 and later, and on none of July 2016. */
const RECEIPT_SINCE = '2017'

type TopField = { readonly name: string; readonly lines: readonly string[]; readonly end: number }

/** The field that begins there, its name as written. */
function fieldAt(content: Uint8Array, at: number): TopField | undefined {
  const window = content.subarray(at, at + LONGEST_FIELD)
  const length = endOfField(window, 0)
  const isCut = length === window.length && at + length < content.length
  const colon = window.indexOf(COLON)
  const name = decoded(window.subarray(0, Math.max(0, colon)))
  if (isCut || colon === -1 || !/^[!-9;-~]{1,100}$/.test(name)) return undefined
  const text = decoded(window.subarray(colon + 1, length)).replace(/\r?\n$/, '')
  return { name, lines: text.split(/\r?\n/).map(trimmed), end: at + length }
}

const COLON = 0x3a

function trimmed(line: string): string {
  return line.replace(/^[ \t]+/, '').trimEnd()
}

/** The first Return-Path, and Received right below it: the topmost of these two is SES's. */
function topFields(
  content: Uint8Array,
): { readonly returnPath: TopField; readonly received: TopField } | undefined {
  let at = 0
  for (let passed = 0; passed <= MOST_ADDED; passed += 1) {
    const field = fieldAt(content, at)
    if (field === undefined || field.name === 'Received') return undefined
    if (field.name === 'Return-Path') {
      const received = fieldAt(content, field.end)
      return received?.name === 'Received' ? { returnPath: field, received } : undefined
    }
    at = field.end
  }
  return undefined
}

function checkFields(
  content: Uint8Array,
  from: number,
): { readonly fields: Partial<Record<Check, readonly string[]>>; readonly end: number } {
  const fields: Partial<Record<Check, readonly string[]>> = {}
  let end = from
  let next: readonly Check[] = checks
  for (;;) {
    const field = fieldAt(content, end)
    const name = next.find((each) => each === field?.name)
    if (field === undefined || name === undefined) return { fields, end }
    fields[name] = field.lines
    end = field.end
    next = next.slice(next.indexOf(name) + 1)
  }
}

type Received = {
  readonly client: Pick<Envelope, 'remoteIp' | 'remoteHost' | 'helo'>
  readonly id: string
  readonly recipients: readonly string[]
  readonly time: string
}

/** `from HELO (RDNS [IP])`, `by inbound-smtp.REGION.amazonaws.com with SMTP id ID`, `for RCPT;`, date. */
function receivedBy(lines: readonly string[]): Received | undefined {
  const [from = '', by = '', ...rest] = lines
  const client = clientOf(from)
  const server = /^by inbound-smtp\.[a-z0-9-]+\.amazonaws\.com with SMTP id ([0-9a-v]{40})$/
  const id = server.exec(by)?.[1]
  const time = timeOf(rest.at(-1) ?? '')
  if (client === undefined || id === undefined || time === undefined) return undefined
  if (rest.length === 1) return { client, id, recipients: [], time }
  const recipient = /^for <?(.*?)>?;$/s.exec(rest[0] ?? '')?.[1]
  if (rest.length > 2 || recipient === undefined) return undefined
  return { client, id, recipients: [recipient], time }
}

/** From its end: HELO and host name are the client's own words and may look like all of this. */
function clientOf(line: string): Received['client'] | undefined {
  const [, names = '', address = ''] = /^from (.*)\[([^[]*)\]\)$/s.exec(line) ?? []
  const remoteIp = address.replace(/^IPv6:/i, '')
  const open = names.lastIndexOf('(')
  if (!/^[0-9A-Fa-f:.]{2,45}$/.test(remoteIp) || open === -1) return undefined
  const helo = names.slice(0, open).trim()
  const remoteHost = names.slice(open + 1).trim()
  return remoteHost === '' || remoteHost === 'unknown'
    ? { remoteIp, helo }
    : { remoteIp, remoteHost, helo }
}

const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** RFC 5322 §3.3, as SES writes it: `Mon, 02 Mar 2026 09:15:27 +0000 (UTC)`. */
function timeOf(date: string): string | undefined {
  const shape =
    /^(?:[A-Z][a-z]{2}, )?(\d{1,2}) ([A-Z][a-z]{2}) (\d{4}) (\d\d):(\d\d):(\d\d) \+0000(?: \((?:UTC|GMT)\))?$/
  const [, day, month = '', year, hour, minute, second] = shape.exec(date) ?? []
  if (!months.includes(month)) return undefined
  const [y = 0, d = 0, h = 0, m = 0, s = 0] = [year, day, hour, minute, second].map(Number)
  return new Date(Date.UTC(y, months.indexOf(month), d, h, m, s)).toISOString()
}
