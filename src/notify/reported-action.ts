/**
 * How notifications report an action (`receipt.action`). Pure. SES: reference §5.3; Webhook and
 * Quarantine are ours.
 */
import { objectKey } from '../mail/object-key.ts'

export type ReportedAction = { readonly type: string; readonly [key: string]: string }

type Described = Readonly<Record<string, unknown>>

/** `action`: a member of a rule's Actions. `undefined` for what SES never reports. */
export function reportedAction(action: object, id: string): ReportedAction | undefined {
  const [kind, value] = Object.entries(action).find(([key]) => key.endsWith('Action')) ?? []
  const spec = (value ?? {}) as Described
  const topic = textsOf({ topicArn: spec['TopicArn'] })
  switch (kind) {
    case 'S3Action': {
      const prefix = String(spec['ObjectKeyPrefix'] ?? '')
      return {
        type: 'S3',
        ...topic,
        ...textsOf({ bucketName: spec['BucketName'] }),
        objectKeyPrefix: prefix,
        objectKey: objectKey(prefix, id),
      }
    }
    case 'SNSAction':
      // Not the API's spellings.
      return { type: 'SNS', ...topic, encoding: spec['Encoding'] === 'Base64' ? 'BASE64' : 'UTF8' }
    case 'LambdaAction': {
      const { FunctionArn: functionArn, InvocationType: invocationType } = spec
      return { type: 'Lambda', ...topic, ...textsOf({ functionArn, invocationType }) }
    }
    case 'BounceAction': {
      const { SmtpReplyCode: smtpReplyCode, StatusCode: statusCode, Message, Sender } = spec
      return {
        type: 'Bounce',
        ...topic,
        ...textsOf({ smtpReplyCode, statusCode, message: Message, sender: Sender }),
      }
    }
    case 'StopAction':
      return { type: 'Stop', ...topic }
    case 'WebhookAction':
      return { type: 'Webhook', ...textsOf({ endpoint: spec['Endpoint'] }) }
    case 'QuarantineAction':
      return { type: 'Quarantine', ...topic, ...textsOf({ reason: spec['Reason'] }) }
    default:
      return undefined
  }
}

function textsOf(values: Described): Record<string, string> {
  const texts = Object.entries(values).filter(([, each]) => each !== undefined)
  return Object.fromEntries(texts.map(([key, each]) => [key, String(each)]))
}
