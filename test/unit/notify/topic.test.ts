/** Topics: SNS and SQS at an emulator, a Redis stream on a real Redis, webhooks at a real HTTP server. */
import { execFileSync } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { PermanentError } from '../../../src/errors.ts'
import { signedHeaders } from '../../../src/notify/signature.ts'
import { openTopic, openWebhook } from '../../../src/notify/topic.ts'
import { startEmulator } from '../../support/fauxqs.ts'
import { startRedis, stopRedis } from '../../support/redis.ts'
import { listen } from './http-server.ts'

const noRedis = (): never => {
  throw new Error('this topic needs no Redis')
}
const notice = { id: 'm1-0', subject: 'Amazon SES Email Receipt Notification', body: '{"a":"é"}' }
const secrets = [1, 2].map((each) => `whsec_${Buffer.alloc(32, each).toString('base64')}`)
const [first = '', second = ''] = secrets

describe('at SNS and SQS', () => {
  let aws: Awaited<ReturnType<typeof startEmulator>>
  beforeAll(async () => {
    aws = await startEmulator()
  })
  afterAll(() => aws.stop())

  const place = () => ({
    endpoint: aws.endpoint,
    region: 'us-east-1',
    accessKeyId: 'test',
    secretAccessKey: 'test',
  })
  const bodies = (queue: string) =>
    aws.inspectQueue(queue)?.messages.ready.map((each) => JSON.parse(each.body))

  test('a notification arrives at the topic with its subject and id', async () => {
    const { topicArn } = aws.createTopic('events')
    aws.createQueue('subscriber')
    aws.subscribe({ topic: 'events', queue: 'subscriber' })
    const topic = openTopic(topicArn, { type: 'sns', ...place() }, noRedis)
    await topic.publish(notice)
    topic.close()
    expect(bodies('subscriber')).toMatchObject([
      {
        TopicArn: topicArn,
        Subject: notice.subject,
        Message: notice.body,
        MessageAttributes: { 'webhook-id': { Type: 'String', Value: notice.id } },
      },
    ])
  })

  test('resources.topics may mean another topic than the rule names', async () => {
    const { topicArn } = aws.createTopic('meant')
    aws.createQueue('meant')
    aws.subscribe({ topic: 'meant', queue: 'meant' })
    const arn = 'arn:aws:sns:eu-west-1:123456789012:written'
    const topic = openTopic(arn, { type: 'sns', arn: topicArn, ...place() }, noRedis)
    await topic.publish(notice)
    topic.close()
    expect(topic.describe).toBe(`SNS topic ${topicArn}`)
    expect(bodies('meant')).toHaveLength(1)
  })

  test('a notification arrives at the queue', async () => {
    const { queueUrl } = aws.createQueue('direct')
    const topic = openTopic('arn:any', { type: 'sqs', queueUrl, ...place() }, noRedis)
    await topic.publish(notice)
    topic.close()
    expect(bodies('direct')).toEqual([JSON.parse(notice.body)])
  })

  test('a FIFO queue takes a repetition once', async () => {
    const attributes = { FifoQueue: 'true' }
    const { queueUrl } = aws.createQueue('ordered.fifo', { attributes })
    const topic = openTopic('arn:any', { type: 'sqs', queueUrl, ...place() }, noRedis)
    await topic.publish(notice)
    await topic.publish(notice)
    topic.close()
    expect(bodies('ordered.fifo')).toHaveLength(1)
  })

  test('a topic that is not there is named, and may come', async () => {
    const arn = 'arn:aws:sns:us-east-1:000000000000:none'
    const topic = openTopic(arn, { type: 'sns', ...place() }, noRedis)
    const error = await topic.publish(notice).catch((thrown: unknown) => thrown)
    topic.close()
    expect(String(error)).toContain(`SNS topic ${arn}: NotFound`)
    expect(error).not.toBeInstanceOf(PermanentError)
  })

  test('what is too long for it will be so tomorrow', async () => {
    const { topicArn } = aws.createTopic('long')
    const topic = openTopic(topicArn, { type: 'sns', ...place() }, noRedis)
    const body = 'x'.repeat(1024 * 1024 + 1)
    await expect(topic.publish({ ...notice, body })).rejects.toBeInstanceOf(PermanentError)
    topic.close()
  })
})

describe('a Redis stream', () => {
  afterAll(stopRedis)

  test('has the notification, and about so many as it may', async () => {
    const { place } = await startRedis()
    const redis = new Redis({ path: place.slice('unix:'.length) })
    const topic = openTopic(
      'arn:any',
      { type: 'redis', stream: 'mail', maxLength: 100 },
      () => redis,
    )
    await topic.publish(notice)
    expect((await redis.xrange('mail', '-', '+')).map(([, fields]) => fields)).toEqual([
      ['id', notice.id, 'subject', notice.subject, 'body', notice.body],
    ])
    for (let count = 0; count < 500; count += 1) await topic.publish(notice)
    expect(await redis.xlen('mail')).toBeLessThanOrEqual(300)
    redis.disconnect()
  })
})

describe('a webhook', () => {
  const place = (url: string, secret: string | string[]) =>
    ({ url, secret, timeoutMs: 10_000, allowPrivate: false }) as const

  test('is verified by the standardwebhooks package with each of two secrets', async () => {
    const { url, got } = await listen((_request, response) => void response.writeHead(204).end())
    const hook = openWebhook(place(url, secrets))
    await hook.publish(notice)
    hook.close()
    const [{ body, headers } = { body: '', headers: {} }] = got
    for (const secret of secrets)
      expect(new Webhook(secret).verify(body, headers)).toEqual(JSON.parse(notice.body))
    const other = `whsec_${Buffer.alloc(32, 3).toString('base64')}`
    expect(() => new Webhook(other).verify(body, headers)).toThrow('No matching signature')
    expect(() => new Webhook(first).verify(`${body} `, headers)).toThrow('No matching signature')
    const renamed = { ...headers, 'webhook-id': 'm2-0' }
    expect(() => new Webhook(first).verify(body, renamed)).toThrow('No matching signature')
  })

  test('is verified by the code on the page, in JavaScript and in Python', async () => {
    const page = readFileSync(join(import.meta.dirname, '../../../docs/notifications.md'), 'utf8')
    const code = (language: string): string =>
      new RegExp(`\`\`\`${language}\\n[^]*?\`\`\``).exec(page)?.[0].replace(/^`.*\n|`+$/g, '') ?? ''
    const headers = signedHeaders(notice.id, notice.body, secrets, Date.now())
    const module = `data:text/javascript,${encodeURIComponent(code('js'))}`
    const { verify } = await import(/* @vite-ignore */ module)
    const python = (body: string): string =>
      execFileSync('python3', ['-'], {
        input: `import json\n${code('python')}\nprint(verify(${JSON.stringify(second)}, json.loads('${JSON.stringify(headers)}'), ${JSON.stringify(body)}.encode()))\n`,
        encoding: 'utf8',
      }).trim()
    expect(verify(second, headers, notice.body)).toBe(true)
    expect(verify(second, headers, `${notice.body} `)).toBe(false)
    expect(python(notice.body)).toBe('True')
    expect(python(`${notice.body} `)).toBe('False')
  })

  test('is signed for its time, and the id is the same on each attempt', async () => {
    let status = 503
    const { url, got } = await listen((_request, response) => void response.writeHead(status).end())
    const hook = openWebhook(place(url, first))
    await expect(hook.publish(notice)).rejects.toThrow('answered 503')
    status = 200
    await hook.publish(notice)
    hook.close()
    expect(got.map(({ headers }) => headers['webhook-id'])).toEqual(['m1-0', 'm1-0'])
    const old = signedHeaders('m1-0', notice.body, [first], Date.now() - 3_600_000)
    expect(() => new Webhook(first).verify(notice.body, old)).toThrow('too old')
  })

  test('without a secret there is the id alone', () => {
    expect(signedHeaders('m1-0', '{}', [], 0)).toEqual({ 'webhook-id': 'm1-0' })
    expect(signedHeaders('m1-0', '{}', [first, second], 0)['webhook-signature']).toMatch(
      /^v1,\S+ v1,\S+$/,
    )
  })

  test('that says 200 and too much has the notification', async () => {
    const { url } = await listen((_request, response) => void response.end('x'.repeat(200_000)))
    const hook = openWebhook(place(url, first))
    await hook.publish(notice)
    hook.close()
  })
})
