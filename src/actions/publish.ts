/**
 * What tells others about a message: SNSAction with the message itself, WebhookAction with or without it,
 * and the notice to an action's TopicArn. A second run sends the same id again, by which targets know it.
 */
import { PermanentError } from '../errors.ts'
import { notificationOf } from '../notify/notification.ts'
import type { Topic } from '../notify/topic.ts'
import { noticeTopic } from '../rules/rule-set.ts'
import type { Action, Delivery } from './action.ts'
import {
  type NoticeCollaborators,
  noticeInput,
  noticeSubject,
  reportedOf,
  wholeMessage,
} from './notice.ts'

export type PublishCollaborators = NoticeCollaborators & {
  /** The topic that an ARN of a rule stands for. */
  readonly topic: (arn: string) => Topic
  /** The webhook of a name. Throws when resources.webhooks has none such. */
  readonly webhook: (name: string) => Topic
  /** Octets of a message that go with a notification; a larger one goes by reference. */
  readonly maxContentBytes: number
}

type Encoding = 'None' | 'UTF-8' | 'Base64'

/** SNSAction. What is too large for it became a bounce in the plan, unless it may go by reference. */
export function snsAction(collaborators: PublishCollaborators): Action {
  return async (delivery) => {
    const { action } = delivery.planned
    if (!('SNSAction' in action)) throw new PermanentError('this is not an SNSAction')
    const { TopicArn, Encoding } = action.SNSAction
    await publish(delivery, collaborators, collaborators.topic(TopicArn), Encoding)
  }
}

export function webhookAction(collaborators: PublishCollaborators): Action {
  return async (delivery) => {
    const { action } = delivery.planned
    if (!('WebhookAction' in action)) throw new PermanentError('this is not a WebhookAction')
    const { Endpoint, Content } = action.WebhookAction
    await publish(delivery, collaborators, collaborators.webhook(Endpoint), Content)
  }
}

/** SES: the notification of an action's TopicArn has no content. */
export function topicNotice(collaborators: PublishCollaborators): Action {
  return async (delivery) => {
    const arn = noticeTopic(delivery.planned.action)
    if (arn === undefined) throw new PermanentError('the action has no topic')
    await publish(delivery, collaborators, collaborators.topic(arn), 'None')
  }
}

async function publish(
  delivery: Delivery,
  collaborators: PublishCollaborators,
  target: Topic,
  encoding: Encoding,
): Promise<void> {
  const input = await noticeInput(delivery, collaborators, reportedOf(delivery))
  const fits = delivery.record.size <= collaborators.maxContentBytes
  if (encoding !== 'None' && !fits && input.extra?.['object'] === undefined)
    throw new PermanentError(
      'the message is larger than notifications.maxContentBytes, and no S3Action before this one in its rule has stored it',
    )
  const content =
    encoding === 'None' || !fits ? undefined : await contentOf(delivery, collaborators, encoding)
  // Told apart from "no content was asked for": the object has it.
  const extra = { ...input.extra, ...(encoding === 'None' || fits ? {} : { contentOmitted: true }) }
  const body = JSON.stringify(notificationOf({ ...input, extra }, content))
  await target.publish({ id: delivery.noticeId, subject: noticeSubject, body })
}

async function contentOf(
  delivery: Delivery,
  collaborators: PublishCollaborators,
  encoding: 'UTF-8' | 'Base64',
): Promise<string> {
  const message = await wholeMessage(delivery, collaborators)
  // SES: UTF-8 may damage mail of another charset; that is the rule's choice.
  return message.toString(encoding === 'Base64' ? 'base64' : 'utf8')
}
