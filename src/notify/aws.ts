/**
 * SNS, SQS and Lambda, at AWS or at an endpoint that speaks its protocol. The SDK's own retries are off:
 * retries are the spool's, which remembers them. Each part of the SDK is loaded by the first message for
 * it: they take 0.2 s of CPU, and most nodes need none.
 */
import type { FunctionConfig, TopicConfig } from '../config/targets.ts'
import { describeError, PermanentError } from '../errors.ts'
import { type AwsPlace, awsSettings, regionOf } from './aws-settings.ts'
import { dispositionOf } from './disposition.ts'
import type { FunctionTarget } from './function.ts'
import type { Topic } from './topic.ts'

const requestTimeoutMs = 15_000

function settings(place: AwsPlace, arn: string, timeoutMs = requestTimeoutMs) {
  const region = place.region ?? regionOf(arn) ?? 'us-east-1'
  return awsSettings({ ...place, region }, { timeoutMs, maxAttempts: 1 })
}

/** A topic of the kind FIFO knows repetitions by itself. */
const ordered = (name: string, id: string) =>
  name.endsWith('.fifo') ? { MessageGroupId: 'postern', MessageDeduplicationId: id } : {}

export function openSns(
  arn: string,
  place: Extract<TopicConfig, { type: 'sns' }> | undefined,
): Topic {
  const topic = place?.arn ?? arn
  const sns = once(async () => {
    const { PublishCommand, SNSClient } = await import('@aws-sdk/client-sns')
    return { PublishCommand, client: new SNSClient(settings(place ?? {}, topic)) }
  })
  return {
    describe: `SNS topic ${topic}`,
    async publish({ id, subject, body }) {
      const attributes = { 'webhook-id': { DataType: 'String', StringValue: id } }
      const { PublishCommand, client } = await sns.opened()
      await said(`SNS topic ${topic}`, requestTimeoutMs, (late) =>
        client.send(
          new PublishCommand({
            TopicArn: topic,
            Subject: subject,
            Message: body,
            MessageAttributes: attributes,
            ...ordered(topic, id),
          }),
          late,
        ),
      )
    },
    close: sns.close,
  }
}

export function openSqs(place: Extract<TopicConfig, { type: 'sqs' }>): Topic {
  const { queueUrl } = place
  // https://sqs.eu-west-1.amazonaws.com/…
  const region = place.region ?? /^sqs\.([a-z0-9-]+)\./.exec(new URL(queueUrl).hostname)?.[1]
  const full = { endpoint: new URL(queueUrl).origin, ...place, ...(region ? { region } : {}) }
  const sqs = once(async () => {
    const { SendMessageCommand, SQSClient } = await import('@aws-sdk/client-sqs')
    return { SendMessageCommand, client: new SQSClient(settings(full, '')) }
  })
  return {
    describe: `SQS queue ${queueUrl}`,
    async publish({ id, body }) {
      const attributes = { 'webhook-id': { DataType: 'String', StringValue: id } }
      const { SendMessageCommand, client } = await sqs.opened()
      await said(`SQS queue ${queueUrl}`, requestTimeoutMs, (late) =>
        client.send(
          new SendMessageCommand({
            QueueUrl: queueUrl,
            MessageBody: body,
            MessageAttributes: attributes,
            ...ordered(queueUrl, id),
          }),
          late,
        ),
      )
    },
    close: sqs.close,
  }
}

export function openLambda(
  arn: string,
  place: Extract<FunctionConfig, { type: 'lambda' }> | undefined,
): FunctionTarget {
  const name = place?.arn ?? arn
  const timeoutMs = place?.timeoutMs ?? 30_000
  const lambda = once(async () => {
    const { InvokeCommand, LambdaClient } = await import('@aws-sdk/client-lambda')
    return { InvokeCommand, client: new LambdaClient(settings(place ?? {}, name, timeoutMs)) }
  })
  return {
    describe: `Lambda function ${name}`,
    async invoke(event, { type }) {
      const { InvokeCommand, client } = await lambda.opened()
      const answer = await said(`Lambda function ${name}`, timeoutMs, (late) =>
        client.send(
          new InvokeCommand({
            FunctionName: name,
            InvocationType: type,
            Payload: Buffer.from(event),
          }),
          late,
        ),
      )
      if (answer.FunctionError !== undefined)
        throw new Error(`Lambda function ${name} failed: ${answer.FunctionError}`)
      return type === 'Event' ? 'CONTINUE' : dispositionOf(Buffer.from(answer.Payload ?? []), name)
    },
    close: lambda.close,
  }
}

/** Opens a client when it is first asked for; `close` closes what was opened. */
function once<T extends { readonly client: { destroy(): void } }>(open: () => Promise<T>) {
  let opening: Promise<T> | undefined
  return {
    opened() {
      opening ??= open().catch((error: unknown) => {
        opening = undefined
        throw error
      })
      return opening
    },
    close() {
      opening?.then(({ client }) => client.destroy()).catch(() => {})
    },
  }
}

/** Printable, one line, that names the target; too large stays too large. */
async function said<T>(
  target: string,
  timeoutMs: number,
  send: (late: { readonly abortSignal: AbortSignal }) => Promise<T>,
): Promise<T> {
  const late = new AbortController()
  // The SDK's time-out ends with the header of the answer, and so does its heed of the signal.
  const { promise, reject } = Promise.withResolvers<never>()
  const timer = setTimeout(() => {
    late.abort()
    reject(new Error(`no answer within ${timeoutMs} ms`))
  }, timeoutMs)
  try {
    return await Promise.race([send({ abortSignal: late.signal }), promise])
  } catch (error) {
    const name = error instanceof Error ? error.name : 'error'
    const text = describeError(error)
      .replace(/[^ -~]+/g, ' ')
      .slice(0, 300)
    const message = `${target}: ${name}: ${text}`
    if (/too ?(long|large)|must be (shorter|smaller)/i.test(`${name} ${text}`))
      throw new PermanentError(message)
    throw new Error(message)
  } finally {
    clearTimeout(timer)
  }
}
