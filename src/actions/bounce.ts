/**
 * BounceAction where it could not be said in the session: an RFC 3464 message to the reverse-path. Never
 * to the null one, never in reply to a report, a list or an automatic message, never to who is known
 * not to have sent it (src/mail/auto-reply.ts): then it is done without, and says so in the log.
 */
import { PermanentError } from '../errors.ts'
import { log } from '../log.ts'
import { reasonNotToAnswer } from '../mail/auto-reply.ts'
import { deliveryStatusNotification } from '../mail/dsn.ts'
import { headerSection } from '../mail/header-section.ts'
import { type Action, receiptOf } from './action.ts'

export type BounceCollaborators = {
  readonly hostname: string
  readonly maxHeaderBytes: number
  /** Takes a message for delivery, with the null reverse-path. Resolves when it is on disk. */
  readonly send: (to: string, message: Buffer) => Promise<void>
}

export function bounceAction({ hostname, maxHeaderBytes, send }: BounceCollaborators): Action {
  return async (delivery) => {
    const { action } = delivery.planned
    if (!('BounceAction' in action)) throw new PermanentError('this is not a BounceAction')
    const { SmtpReplyCode, StatusCode, Message, Sender } = action.BounceAction
    const receipt = receiptOf(delivery)
    const header = await headerSection(delivery.message(), maxHeaderBytes)
    const why = reasonNotToAnswer(receipt, header)
    if (why !== undefined) {
      log.info({ id: receipt.id, rule: receipt.rule, why }, 'No bounce message is sent')
      return
    }
    const message = deliveryStatusNotification({
      hostname,
      sender: Sender === '' ? `MAILER-DAEMON@${hostname}` : Sender,
      receipt,
      reply: {
        code: SmtpReplyCode,
        ...(StatusCode === undefined ? {} : { status: StatusCode }),
        text: Message,
      },
      header,
      time: new Date(),
      messageId: `bounce-${delivery.noticeId}`,
    })
    await send(receipt.envelope.reversePath, message)
  }
}
