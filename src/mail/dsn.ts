/**
 * A delivery status notification: what tells a sender that a message was not taken, after all. Three
 * parts: words for a person, the status for a machine, the header section of the message. Pure.
 * RFC 3464, RFC 6522, RFC 3834 §3; with addresses beyond ASCII RFC 6533. SES: reference §2
 */
import { createHash } from 'node:crypto'
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
  const { hostname, sender, receipt, reply, time, messageId } = input
  const to = receipt.envelope.reversePath
  const status = reply.status ?? `${reply.code.charAt(0)}.0.0`
  const header = shortened(input.header)
  const international = /[^\x00-\x7f]/.test([to, sender, ...receipt.recipients].join(''))
  // Derived, so that a second attempt makes the same octets; long enough that no text holds it by chance.
  const sum = createHash('sha256').update(`${messageId}@${hostname}`).digest('hex').slice(0, 40)
  const boundary = `=_${sum}`
  const eightBit = international || header.some((octet) => octet > 127)
  const original = messageIdOf(header)
  const fields = [
    `From: Mail Delivery System <${sender}>`,
    `To: <${to}>`,
    'Subject: Delivery Status Notification (Failure)',
    `Date: ${rfc5322Date(time)}`,
    `Message-ID: <${messageId}@${hostname}>`,
    ...(original === undefined ? [] : [`In-Reply-To: ${original}`, `References: ${original}`]),
    'Auto-Submitted: auto-replied',
    'MIME-Version: 1.0',
    'Content-Type: multipart/report; report-type=delivery-status;',
    `\tboundary="${boundary}"`,
    ...(eightBit ? ['Content-Transfer-Encoding: 8bit'] : []),
  ]
  const words = [
    'This message could not be delivered.',
    '',
    ...receipt.recipients.flatMap((each) => [
      `  ${visible(each)}`,
      `      ${reply.code} ${status} ${visible(reply.text)}`,
    ]),
    '',
    `${hostname} does not take it for these recipients. It will not be tried again.`,
  ]
  const global = international ? 'global-' : ''
  const parts = [
    part(
      boundary,
      `text/plain; charset=${international ? 'utf-8' : 'us-ascii'}`,
      words,
      international,
    ),
    part(
      boundary,
      `message/${global}delivery-status`,
      statusLines(input, status, international),
      international,
    ),
    part(
      boundary,
      international ? 'message/global-headers' : 'text/rfc822-headers',
      undefined,
      eightBit,
    ),
  ]
  const head = `${fields.join('\r\n')}\r\n\r\n${parts.join('')}`
  return Buffer.concat([Buffer.from(head, 'utf8'), header, Buffer.from(`\r\n--${boundary}--\r\n`)])
}

function part(
  boundary: string,
  type: string,
  lines: readonly string[] | undefined,
  eightBit: boolean,
): string {
  const fields = [
    `--${boundary}`,
    `Content-Type: ${type}`,
    ...(eightBit ? ['Content-Transfer-Encoding: 8bit'] : []),
  ]
  const body = lines === undefined ? '' : `${lines.join('\r\n')}\r\n\r\n`
  return `${fields.join('\r\n')}\r\n\r\n${body}`
}

/** RFC 3464 §2.2, §2.3: fields of the message, then a group for each recipient. */
function statusLines(
  { hostname, receipt, reply, time }: DsnInput,
  status: string,
  international: boolean,
): string[] {
  // RFC 6533 §3.
  const type = international ? 'utf-8' : 'rfc822'
  return [
    `Reporting-MTA: dns; ${hostname}`,
    `Arrival-Date: ${rfc5322Date(new Date(receipt.time))}`,
    ...receipt.recipients.flatMap((each) => [
      '',
      `Original-Recipient: ${type}; ${visible(each)}`,
      `Final-Recipient: ${type}; ${visible(each)}`,
      // SES: also for a 4xx; it is final here.
      'Action: failed',
      `Status: ${status}`,
      `Diagnostic-Code: smtp; ${reply.code} ${status} ${visible(reply.text)}`,
      `Last-Attempt-Date: ${rfc5322Date(time)}`,
    ]),
  ]
}

/** Whole lines of the header section, without the empty one, ended by CRLF. */
function shortened(header: Uint8Array): Buffer {
  const octets = Buffer.from(header.buffer, header.byteOffset, header.byteLength)
  const end = octets.indexOf('\r\n\r\n')
  const whole = octets.subarray(0, end < 0 ? octets.length : end + 2)
  const most = whole.subarray(0, maxHeaderOctets)
  const cut = most.lastIndexOf('\r\n')
  return whole.length <= maxHeaderOctets && whole.subarray(-2).toString() === '\r\n'
    ? whole
    : most.subarray(0, cut < 0 ? 0 : cut + 2)
}

/** The original's Message-ID, if it is one (RFC 5322 §3.6.4). */
function messageIdOf(header: Buffer): string | undefined {
  const field = headerFields(header).find(({ name }) => name.toLowerCase() === 'message-id')
  return /^<[^<>\s]{1,900}>$/.test(field?.value ?? '') ? field?.value : undefined
}

/** Addresses come from the network, texts from files: neither may begin a line. */
function visible(text: string): string {
  return text.replace(/[\x00-\x1f\x7f]/g, '?')
}
