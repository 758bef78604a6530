/**
 * A delivery status notification: what tells a sender that a message was not taken, after all. Three
 * parts: words for a person, the status for a machine, the header section of the message. Pure ASCII,
 * unless it goes to an address that is not: then UTF-8 (RFC 6532). Pure.
 * RFC 3464, RFC 6522, RFC 3834 §3; with addresses beyond ASCII RFC 6533. SES: reference §2
 */
import { createHash } from 'node:crypto'
import { bodyPart, isAscii, type Part, quotedUnicode } from './dsn-parts.ts'
import { headerFields } from './header-fields.ts'
import { rfc5322Date } from './prepend.ts'
import type { Receipt } from './receipt.ts'

export type DsnInput = {
  readonly hostname: string
  /** Who it is from. */
  readonly sender: string
  /** One rule's copy: its recipients are those that are bounced. */
  readonly receipt: Receipt
  readonly reply: { readonly code: string; readonly status?: string; readonly text: string }
  /** The message's own header section, as received. */
  readonly header: Uint8Array
  readonly time: Date
  /** Local part of its Message-ID: the same on every attempt. */
  readonly messageId: string
}

/** Octets of the original header section that go back. */
const maxHeaderOctets = 64 * 1024

export function deliveryStatusNotification(input: DsnInput): Buffer {
  const { hostname, receipt, time, messageId } = input
  const to = receipt.envelope.reversePath
  // Who has such an address has a server that takes UTF-8; of anybody else it is not known.
  const international = !isAscii(to)
  const own = `MAILER-DAEMON@${hostname}`
  const sender = international || isAscii(input.sender) ? input.sender : own
  const header = shortened(input.header)
  const parts = [
    bodyPart(wordsFor(input), international),
    bodyPart(statusOf(input, international), international),
    bodyPart(headerPart(header, international), international),
  ]
  // Derived, so that a second attempt makes the same octets; long enough that no text holds it by chance.
  const sum = createHash('sha256').update(`${messageId}@${hostname}`).digest('hex').slice(0, 40)
  const boundary = `=_${sum}`
  const original = messageIdOf(header)
  const fields = [
    `From: Mail Delivery System <${visible(sender)}>`,
    `To: <${visible(to)}>`,
    'Subject: Delivery Status Notification (Failure)',
    `Date: ${rfc5322Date(time)}`,
    `Message-ID: <${messageId}@${hostname}>`,
    ...(original === undefined ? [] : [`In-Reply-To: ${original}`, `References: ${original}`]),
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status;',
    `\tboundary="${boundary}"`,
    // RFC 2045 §6.4: a multipart is encoded by nothing else.
    ...(parts.some(({ eightBit }) => eightBit) ? ['Content-Transfer-Encoding: 8bit'] : []),
  ]
  return Buffer.concat([
    Buffer.from(`${fields.join('\r\n')}\r\n\r\n`),
    ...parts.flatMap(({ octets }) => [Buffer.from(`--${boundary}\r\n`), octets]),
    Buffer.from(`--${boundary}--\r\n`),
  ])
}

function wordsFor({ hostname, receipt, reply }: DsnInput): Part {
  const lines = [
    'This message could not be delivered.',
    '',
    ...receipt.recipients.flatMap((each) => [`  ${visible(each)}`, `      ${said(reply)}`]),
    '',
    `${hostname} does not take it for these recipients. It will not be tried again.`,
  ]
  const charset = receipt.recipients.every(isAscii) ? 'us-ascii' : 'utf-8'
  return { type: `text/plain; charset=${charset}`, octets: linesOf(lines) }
}

/** RFC 3464 §2.2, §2.3: fields of the message, then a group for each recipient. */
function statusOf({ hostname, receipt, reply, time }: DsnInput, international: boolean): Part {
  // RFC 6533 §3: in ASCII the address is quoted.
  const address = (text: string): string =>
    isAscii(text)
      ? `rfc822; ${visible(text)}`
      : `utf-8; ${international ? visible(text) : quotedUnicode(text)}`
  const lines = [
    `Reporting-MTA: dns; ${hostname}`,
    `Arrival-Date: ${rfc5322Date(new Date(receipt.time))}`,
    // No Original-Recipient: EHLO offers no ORCPT to take it from (RFC 3464 §2.3.1, RFC 3461 §6.3).
    ...receipt.recipients.flatMap((each) => [
      '',
      `Final-Recipient: ${address(each)}`,
      // SES: also for a 4xx; it is final here.
      'Action: failed',
      `Status: ${statusCode(reply)}`,
      `Diagnostic-Code: smtp; ${said(reply)}`,
      `Last-Attempt-Date: ${rfc5322Date(time)}`,
    ]),
  ]
  const global = international ? 'global-' : ''
  return { type: `message/${global}delivery-status`, octets: linesOf(lines) }
}

function headerPart(octets: Buffer, international: boolean): Part {
  return { type: international ? 'message/global-headers' : 'text/rfc822-headers', octets }
}

/** RFC 3463 §3.1: "other", where the rule does not say. */
function statusCode({ code, status }: DsnInput['reply']): string {
  return status ?? `${code.charAt(0)}.0.0`
}

function said(reply: DsnInput['reply']): string {
  // RFC 3464 §2.1: in ASCII, as the reply in the session would be.
  return `${reply.code} ${statusCode(reply)} ${reply.text.replace(/[^ -~]/g, '?')}`
}

function linesOf(lines: readonly string[]): Buffer {
  return Buffer.from(`${lines.join('\r\n')}\r\n`)
}

/** Whole lines of the header section, without the empty one, ended by CRLF. */
function shortened(header: Uint8Array): Buffer {
  const octets = Buffer.from(header.buffer, header.byteOffset, header.byteLength)
  // A message without a header begins with the empty line.
  const end = octets.indexOf('\r\n') === 0 ? -2 : octets.indexOf('\r\n\r\n')
  const whole = end === -1 ? octets : octets.subarray(0, end + 2)
  const most = whole.subarray(0, maxHeaderOctets)
  const cut = most.lastIndexOf('\r\n')
  return most.subarray(0, cut < 0 ? 0 : cut + 2)
}

/** The original's Message-ID, if it is one (RFC 5322 §3.6.4) and fits on a line. */
function messageIdOf(header: Buffer): string | undefined {
  const field = headerFields(header).find(({ name }) => name.toLowerCase() === 'message-id')
  return /^<[!-;=?-~]{1,900}>$/.test(field?.value ?? '') ? field?.value : undefined
}

/** Addresses come from the network: none may begin a line. */
function visible(text: string): string {
  return text.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]/g, '?')
}
