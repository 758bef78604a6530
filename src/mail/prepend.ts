/**
 * The header fields put before a message when it is stored (D§6), as bytes. Pure. They are the only
 * fields a reader may believe: a forged copy inside the message stands below them. No value from
 * the network reaches a field unescaped.
 */
import { authenticationFields } from './authentication-results.ts'
import type { Envelope } from './envelope.ts'
import type { Receipt } from './receipt.ts'
import type { Verdict } from './verdict.ts'

export type AddedField = { readonly name: string; readonly value: string }

/** The fields for one rule's copy of a message, each line ended by CRLF; no separator follows. */
export function prependedFields(
  hostname: string,
  receipt: Receipt,
  added: readonly AddedField[],
): Buffer {
  const { verdicts } = receipt
  const fields = [
    `Return-Path: <${oneLine(receipt.envelope.reversePath)}>`,
    receivedField(hostname, receipt),
    ...scanField('X-SES-Spam-Verdict', verdicts.spam.verdict),
    ...scanField('X-SES-Virus-Verdict', verdicts.virus.verdict),
    ...authenticationFields(hostname, receipt.envelope, verdicts),
    `X-Postern-Receipt: ${foldedBase64(JSON.stringify(receipt))}`,
    ...added.map(({ name, value }) => folded(oneLine(`${name}: ${value}`))),
  ]
  return Buffer.from(`${fields.join('\r\n')}\r\n`, 'utf8')
}

/** SES: the verdict fields are absent when the rule did not ask for a scan. */
function scanField(name: string, verdict: Verdict): string[] {
  return verdict === 'DISABLED' ? [] : [`${name}: ${verdict}`]
}

/**
 * RFC 5321 §4.4, with `for` only where it betrays no other recipient (§7.2) and, last among the
 * clauses, the `tls` one of RFC 8314 §4.3.
 */
function receivedField(hostname: string, { envelope, id, time }: Receipt): string {
  const [only, ...others] = envelope.recipients
  const lines = [
    `Received: from ${fromDomain(envelope)}`,
    `by ${hostname} with ${envelope.protocol} id ${id}`,
    ...(only !== undefined && others.length === 0 ? [`for <${oneLine(only)}>`] : []),
    ...(envelope.tls === undefined ? [] : [`tls ${atom(envelope.tls.cipher)}`]),
  ]
  return `${lines.join('\r\n\t')};\r\n\t${rfc5322Date(new Date(time))}`
}

/** A cipher suite's name as an atom; OpenSSL's names and IANA's are such already. */
function atom(text: string): string {
  return text.replace(/[^A-Za-z0-9_-]/g, '_')
}

/** `Extended-Domain` of RFC 5321 §4.4: the HELO argument, then what TCP tells of the client. */
function fromDomain({ helo, remoteHost, remoteIp }: Envelope): string {
  const literal = remoteIp.includes(':') ? `[IPv6:${remoteIp}]` : `[${remoteIp}]`
  const tcpInfo = remoteHost === undefined ? literal : `${comment(remoteHost)} ${literal}`
  return isDomainOrLiteral(helo)
    ? `${helo} (${tcpInfo})`
    : `${literal} (${tcpInfo}\r\n\thelo ${comment(helo)})`
}

/** RFC 5321 §4.1.2 Domain or address-literal; underscores, which real hosts use, are let through. */
function isDomainOrLiteral(text: string): boolean {
  if (text.length > maxNameOctets) return false
  return /^(?:[A-Za-z0-9_-]+(?:\.[A-Za-z0-9_-]+)*\.?|\[[A-Za-z0-9:.]+\])$/.test(text)
}

/** RFC 5321 §4.5.3.1.2. HELO may be as long as a command line, a line of a header field may not. */
const maxNameOctets = 255

/** Text that can stand inside a comment (RFC 5322 §3.2.2): specials quoted, the rest visible ASCII. */
function comment(text: string): string {
  const most = text.slice(0, maxNameOctets)
  return most.replace(/[^\x20-\x7e]/g, '?').replace(/[\\()]/g, '\\$&')
}

/** Text without the characters that could end the field: CR, LF, NUL and other controls become '?'. */
function oneLine(text: string): string {
  return text.replace(/[\x00-\x08\x0a-\x1f\x7f]/g, '?')
}

/** RFC 5322 §2.1.1: lines of at most 998 octets, broken before a space where there is one. */
function folded(field: string): string {
  const octets = Buffer.byteLength(field)
  if (octets <= 990) return field
  // A UTF-16 unit is at most three octets of UTF-8.
  const pieces = octets === field.length ? /(.{1,900})(?= \S)/g : /(.{1,300})(?= \S)/g
  return field.replace(pieces, '$1\r\n')
}

/** Base64 in lines of 76 octets, each but the first begun by a space (RFC 5322 §2.2.3). */
function foldedBase64(text: string): string {
  const base64 = Buffer.from(text, 'utf8').toString('base64')
  return (base64.match(/.{1,75}/g) ?? []).join('\r\n ')
}

const days = ['Sun', 'Mon', 'Tue', 'Wed', 'Thu', 'Fri', 'Sat']
const months = ['Jan', 'Feb', 'Mar', 'Apr', 'May', 'Jun', 'Jul', 'Aug', 'Sep', 'Oct', 'Nov', 'Dec']

/** RFC 5322 §3.3, in UTC: `Mon, 02 Mar 2026 09:15:27 +0000`. */
export function rfc5322Date(time: Date): string {
  const two = (value: number): string => String(value).padStart(2, '0')
  const day = `${days[time.getUTCDay()]}, ${two(time.getUTCDate())} ${months[time.getUTCMonth()]} ${time.getUTCFullYear()}`
  return `${day} ${two(time.getUTCHours())}:${two(time.getUTCMinutes())}:${two(time.getUTCSeconds())} +0000`
}
