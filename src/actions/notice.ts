/**
 * What SNS, webhooks and functions are told of a message: SES's notification (src/notify) made of one
 * step. Reads the header section again for each: plaintext is kept nowhere but in the spool (D§2.6).
 */
import { type Field, headerFields } from '../mail/header-fields.ts'
import { headerSection } from '../mail/header-section.ts'
import { objectKey } from '../mail/object-key.ts'
import { prependedFields } from '../mail/prepend.ts'
import type { NotificationInput } from '../notify/notification.ts'
import { type ReportedAction, reportedAction } from '../notify/reported-action.ts'
import type { S3Action } from '../rules/rule-set.ts'
import { type Delivery, receiptOf } from './action.ts'

/** Where a stored object can be fetched without credentials, for a while. */
export type ObjectUrl = { readonly url: string; readonly urlExpires: string }

export type NoticeCollaborators = {
  readonly hostname: string
  /** Octets of header section that are looked at: what was accepted is not longer. */
  readonly maxHeaderBytes: number
  /** `undefined` where the store has no such URLs, or none are to be given. */
  readonly objectUrl: (action: S3Action, key: string) => Promise<ObjectUrl | undefined>
  readonly now?: () => number
}

/** SES, whatever the mail's own subject (reference §5). */
export const noticeSubject = 'Amazon SES Email Receipt Notification'

/** What a notification or an event is made of. `reported`: the action that it tells about. */
export async function noticeInput(
  delivery: Delivery,
  collaborators: NoticeCollaborators,
  reported: ReportedAction,
): Promise<NotificationInput> {
  const { hostname, maxHeaderBytes, now = Date.now } = collaborators
  const receipt = receiptOf(delivery)
  const header = await headerSection(delivery.message(), maxHeaderBytes)
  const object = await storedObject(delivery, collaborators)
  return {
    receipt,
    // Read apart: a message that begins with white space would go on with our last field.
    fields: [...ownFields(hostname, receipt, delivery.added), ...headerFields(header)],
    action: reported,
    processingTimeMillis: Math.max(0, now() - Date.parse(receipt.time)),
    extra: {
      ...(object === undefined ? {} : { object }),
      ...(receipt.replay === undefined ? {} : { replay: receipt.replay }),
    },
  }
}

/**
 * All that we prepend but X-Postern-Receipt: it names the recipients of every rule, who are not this
 * topic's business, and alone could fill the 10 KB of header fields that a notification has.
 */
function ownFields(...given: Parameters<typeof prependedFields>): readonly Field[] {
  const fields = headerFields(prependedFields(...given))
  return fields.filter(({ name }) => name !== 'X-Postern-Receipt')
}

/** Ours: where the message itself is, sealed; large mail goes by reference. */
async function storedObject(
  { planned, stored, record }: Delivery,
  { objectUrl }: NoticeCollaborators,
): Promise<object | undefined> {
  const own = 'S3Action' in planned.action ? planned.action.S3Action : undefined
  const action = own ?? stored
  if (action === undefined) return undefined
  const key = objectKey(action.ObjectKeyPrefix, record.id)
  const url = await objectUrl(action, key)
  return { bucketName: action.BucketName, objectKey: key, ...url }
}

/** The action of a step as notifications report it. */
export function reportedOf({ planned, record }: Delivery): ReportedAction {
  const reported = reportedAction(planned.action, record.id)
  if (reported === undefined) throw new Error('SES reports no such action')
  return reported
}

/** The whole message as it would be stored: our fields, then the bytes as received. */
export async function wholeMessage(
  delivery: Delivery,
  { hostname }: Pick<NoticeCollaborators, 'hostname'>,
): Promise<Buffer> {
  const pieces: Uint8Array[] = [prependedFields(hostname, receiptOf(delivery), delivery.added)]
  for await (const piece of delivery.message()) pieces.push(piece)
  return Buffer.concat(pieces)
}
