/**
 * SES's notification and SES's event for functions, key for key and in SES's order. Pure.
 * SES: reference §5; docs/notifications.md shows every payload.
 */
import { parseAddressList } from '../mail/address-list.ts'
import type { Field } from '../mail/header-fields.ts'
import type { Receipt } from '../mail/receipt.ts'
import { commonHeaders } from './common-headers.ts'
import type { ReportedAction } from './reported-action.ts'

export type NotificationInput = {
  /** One rule's copy. */
  readonly receipt: Receipt
  /** Our prepended fields, then the message's own. */
  readonly fields: readonly Field[]
  readonly action: ReportedAction
  /** From receipt to the action. */
  readonly processingTimeMillis: number
  /** Ours, behind SES's keys of `receipt`. */
  readonly extra?: Readonly<Record<string, unknown>>
}

/** `content`: the message, of an SNS action. */
export function notificationOf(input: NotificationInput, content?: string): object {
  return {
    notificationType: 'Received',
    mail: mailOf(input),
    receipt: receiptOf(input),
    ...(content === undefined ? {} : { content }),
  }
}

/** SES: reference §5, the Lambda event. */
export function functionEventOf(input: NotificationInput): object {
  const ses = { mail: mailOf(input), receipt: receiptOf(input) }
  return { Records: [{ eventSource: 'aws:ses', eventVersion: '1.0', ses }] }
}

/** SES: headersTruncated is true above 10 KB. */
const maxHeaderOctets = 10 * 1024

function mailOf({ receipt, fields }: NotificationInput): object {
  const headers = within(fields, maxHeaderOctets)
  return {
    timestamp: receipt.time,
    source: receipt.envelope.reversePath,
    messageId: receipt.id,
    destination: ['to', 'cc'].flatMap((name) =>
      fields
        .filter((field) => field.name.toLowerCase() === name)
        .flatMap(({ value }) => parseAddressList(value).map(({ address }) => address)),
    ),
    headersTruncated: headers.length < fields.length,
    headers,
    commonHeaders: commonHeaders(receipt.envelope.reversePath, fields),
  }
}

/** The tail is dropped. */
function within(fields: readonly Field[], most: number): readonly Field[] {
  let octets = 0
  const end = fields.findIndex(({ name, value }) => {
    octets += Buffer.byteLength(name) + Buffer.byteLength(value) + ': \r\n'.length
    return octets > most
  })
  return end < 0 ? fields : fields.slice(0, end)
}

function receiptOf({ receipt, action, processingTimeMillis, extra }: NotificationInput): object {
  const { spam, virus, spf, dkim, dmarc } = receipt.verdicts
  const status = ({ verdict }: { readonly verdict: string }) => ({ status: verdict })
  const failed = dmarc.verdict === 'FAIL' && receipt.verdicts.dmarcPolicy !== undefined
  return {
    timestamp: receipt.time,
    processingTimeMillis,
    recipients: receipt.recipients,
    spamVerdict: status(spam),
    virusVerdict: status(virus),
    spfVerdict: status(spf),
    dkimVerdict: status(dkim),
    dmarcVerdict: status(dmarc),
    // A plain text, whatever AWS's own sample function reads (reference §5.1).
    ...(failed ? { dmarcPolicy: receipt.verdicts.dmarcPolicy } : {}),
    action,
    ...extra,
  }
}
