/**
 * A rule set in the shape that `aws ses describe-receipt-rule-set` prints, with every kind of action, and
 * one message through all of it: real HTTP targets, a real Redis stream, a relay that takes bounces. What each target gets, for which recipients, and what the log says of it.
 */
import { Webhook } from 'standardwebhooks'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { type RunningRedis, startRedis, stopRedis, streamOf } from '../support/redis.ts'
import { SmtpClient } from '../support/smtp-client.ts'
import { type SmtpSink, startSmtpSink } from '../support/smtp-sink.ts'
import { startTarget, stopTargets, type Target, webhookSecret } from '../support/targets.ts'

vi.setConfig({ testTimeout: 120_000, hookTimeout: 120_000 })

const account = 'eu-west-1:123456789012'
const topic = (name: string) => `arn:aws:sns:${account}:${name}`
const lambda = (name: string) => `arn:aws:lambda:${account}:function:${name}`
const key = `arn:aws:kms:${account}:key/7e2f8c1d-0000-4000-8000-1234567890ab`

const to = (...names: string[]) => names.map((name) => `${name}@example.test`)

const rule = (Name: string, Recipients: readonly string[], ...Actions: readonly object[]) => ({
  Name,
  Enabled: true,
  TlsPolicy: 'Optional',
  Recipients,
  Actions,
  ScanEnabled: true,
})

const call = (name: string, InvocationType: string) => ({
  LambdaAction: { FunctionArn: lambda(name), InvocationType },
})

const store = (BucketName: string) => ({ S3Action: { BucketName } })

const exported = {
  Metadata: { Name: 'default', CreatedTimestamp: '2024-05-06T07:08:09.123000+00:00' },
  Rules: [
    rule('tag', ['example.test'], {
      AddHeaderAction: { HeaderName: 'X-Tagged', HeaderValue: 'yes' },
    }),
    rule(
      'archive',
      to('ann'),
      {
        S3Action: {
          TopicArn: topic('stream'),
          BucketName: 'archive',
          ObjectKeyPrefix: 'ann/',
          KmsKeyArn: key,
        },
      },
      { SNSAction: { TopicArn: topic('hook'), Encoding: 'UTF-8' } },
      { SNSAction: { TopicArn: topic('stream'), Encoding: 'Base64' } },
      {
        LambdaAction: {
          TopicArn: topic('stream'),
          FunctionArn: lambda('told'),
          InvocationType: 'Event',
        },
      },
      { WebhookAction: { Endpoint: 'app', Content: 'UTF-8' } },
    ),
    rule('triage', to('ann', 'bob'), call('ends-rule', 'RequestResponse'), store('triage')),
    rule('gate', to('bob'), call('ends-set', 'RequestResponse'), store('gate')),
    rule('look', to('dora'), call('goes-on', 'RequestResponse'), store('look')),
    rule('gone', to('old'), {
      BounceAction: {
        TopicArn: topic('stream'),
        SmtpReplyCode: '550',
        StatusCode: '5.1.1',
        Message: 'This mailbox is closed',
        Sender: 'postmaster@example.test',
      },
    }),
    rule('hold', to('eve'), {
      QuarantineAction: { Reason: 'odd sender', TopicArn: topic('stream') },
    }),
    rule('trash', to('nobody'), { DropAction: {} }),
    rule('halt', to('carl'), store('carl'), {
      StopAction: { Scope: 'RuleSet', TopicArn: topic('stream') },
    }),
    rule('rest', [], store('inbox')),
  ],
}

const recipients = to('ann', 'bob', 'dora', 'old', 'eve', 'nobody', 'carl')
const text = 'From: <sender@example.test>\r\nTo: <ann@example.test>\r\nSubject: hi\r\n\r\nhello\r\n'

let postern: RunningPostern
let relay: SmtpSink
let redis: RunningRedis
let target: Target
let id = ''

beforeAll(async () => {
  redis = await startRedis()
  target = await startTarget()
  relay = await startSmtpSink()
  const hook = (path: string) => ({ url: target.url(path), secret: webhookSecret })
  const http = (path: string) => ({ type: 'http', url: target.url(path) })
  target.answer('/ends-rule', () => ({ body: '{"disposition":"STOP_RULE"}' }))
  target.answer('/ends-set', () => ({ body: '{"disposition":"stop_rule_set"}' }))
  target.answer('/goes-on', () => ({ body: '{"disposition":"CONTINUE"}' }))
  // What an event is answered decides nothing.
  target.answer('/told', () => ({ status: 202, body: '{"disposition":"STOP_RULE_SET"}' }))
  postern = await startPostern({
    rules: JSON.stringify(exported, null, 4),
    config: {
      redis: redis.place,
      bounces: { relay: relay.place },
      resources: {
        keys: { [key]: 'main' },
        topics: {
          [topic('stream')]: { type: 'redis', stream: 'mail' },
          [topic('hook')]: { type: 'webhook', ...hook('/topic') },
        },
        webhooks: { app: hook('/app') },
        functions: {
          [lambda('told')]: http('/told'),
          [lambda('ends-rule')]: { ...http('/ends-rule'), secret: webhookSecret },
          [lambda('ends-set')]: http('/ends-set'),
          [lambda('goes-on')]: http('/goes-on'),
        },
      },
    },
  })
  const client = await SmtpClient.connect(postern)
  await client.hello()
  await client.envelope('sender@example.test', ...recipients)
  const { code, text: reply } = await client.message(Buffer.from(text))
  expect(code).toBe(250)
  id = reply.slice('OK '.length)
  await client.quit()
  await postern.logged(({ msg, rule: of }) => msg === 'Action done' && of === 'rest')
  await postern.delivered()
})
afterAll(async () => {
  await stopAll()
  stopRedis()
  stopTargets()
  relay.close()
})

type Told = {
  readonly notificationType?: string
  readonly mail: { readonly messageId: string; readonly source: string }
  readonly receipt: { readonly recipients: string[]; readonly action: Record<string, string> }
  readonly content?: string
}

/** What a path was posted, once, with a signature that a receiver's own library takes. */
function signedPost(path: string): { readonly told: Told; readonly webhookId: string } {
  const [only, ...more] = target.got(path)
  expect(more).toEqual([])
  const told = new Webhook(webhookSecret).verify(
    only?.body ?? '',
    only?.headers as Record<string, string>,
  ) as Told
  return { told, webhookId: String(only?.headers['webhook-id']) }
}

const tagsOf = (fields: readonly { readonly name: string; readonly value: string }[]) =>
  fields.filter(({ name }) => name === 'X-Tagged').map(({ value }) => value)

/** The message of the one object of a bucket. */
async function objectIn(bucket: string) {
  const mailbox = await postern.mailbox(bucket)
  const [only, ...more] = await Array.fromAsync(mailbox.list())
  expect([bucket, more]).toEqual([bucket, []])
  const { receipt, original, prepended } = await mailbox.get(only?.key ?? '')
  expect(Buffer.from(original).toString()).toBe(text)
  return { key: only?.key, receipt, tags: tagsOf(prepended) }
}

test('each action is done once, in order, and has one line in the log', () => {
  const done = postern.logs().filter((each) => each['id'] === id && each.msg === 'Action done')
  expect(done.map(({ rule, action, target: at }) => [rule, action, at])).toEqual([
    ['archive', 'S3Action', 'archive/ann/'],
    ['archive', 'S3Action notice', topic('stream')],
    ['archive', 'SNSAction', topic('hook')],
    ['archive', 'SNSAction', topic('stream')],
    ['archive', 'LambdaAction', lambda('told')],
    ['archive', 'LambdaAction notice', topic('stream')],
    ['archive', 'WebhookAction', 'app'],
    ['triage', 'LambdaAction', lambda('ends-rule')],
    ['gate', 'LambdaAction', lambda('ends-set')],
    ['look', 'LambdaAction', lambda('goes-on')],
    ['look', 'S3Action', 'look'],
    ['gone', 'BounceAction', 'the reverse-path'],
    ['gone', 'BounceAction notice', topic('stream')],
    ['hold', 'QuarantineAction', 'quarantine'],
    ['hold', 'QuarantineAction notice', topic('stream')],
    ['halt', 'S3Action', 'carl'],
    ['halt', 'StopAction notice', topic('stream')],
    ['rest', 'S3Action', 'inbox'],
  ])
  const ends = done.filter((each) => each['disposition'] !== undefined)
  expect(ends.map(({ rule, disposition }) => [rule, disposition])).toEqual([
    ['triage', 'STOP_RULE'],
    ['gate', 'STOP_RULE_SET'],
  ])
  expect(postern.logs().filter(({ level }) => level === 'error')).toEqual([])
  expect(postern.dead()).toEqual([])
})

test('each object has its rule, its recipients and the header added before', async () => {
  const expected = [
    // bucket, key, rule, recipients, why
    ['archive', `ann/${id}`, 'archive', to('ann'), 'its own prefix, the key of the KMS ARN'],
    ['look', id, 'look', to('dora'), 'the function said to go on'],
    ['quarantine', `quarantine/hold/${id}`, 'hold', to('eve'), 'held, and nothing after it'],
    ['carl', id, 'halt', to('carl'), 'stored before the stop'],
    ['inbox', id, 'rest', to('ann', 'dora', 'old'), 'nobody stopped these'],
  ] as const
  for (const [bucket, at, rule, whom] of expected) {
    const { key, receipt, tags } = await objectIn(bucket)
    expect([bucket, key, receipt.rule, receipt.recipients]).toEqual([bucket, at, rule, whom])
    expect([receipt.id, receipt.ruleSet, tags]).toEqual([id, 'default', ['yes']])
  }
  for (const bucket of ['triage', 'gate']) {
    const found = await Array.fromAsync((await postern.mailbox(bucket)).list())
    expect([bucket, found]).toEqual([bucket, []])
  }
})

test('a topic behind a webhook and a webhook get a signed notification with the message', () => {
  const { told, webhookId } = signedPost('/topic')
  expect(told).toMatchObject({
    notificationType: 'Received',
    mail: { messageId: id, source: 'sender@example.test' },
    receipt: {
      recipients: to('ann'),
      action: { type: 'SNS', topicArn: topic('hook'), encoding: 'UTF8' },
    },
  })
  expect(told.content).toMatch(/^Return-Path: <sender@example\.test>\r\n/)
  expect(told.content).toContain('X-Tagged: yes\r\n')
  expect(told.content?.endsWith(text)).toBe(true)

  const app = signedPost('/app')
  expect(app.told.receipt.action).toEqual({ type: 'Webhook', endpoint: 'app' })
  expect(app.told.content?.endsWith(text)).toBe(true)
  expect([webhookId, app.webhookId].every((each) => each.startsWith(`${id}-`))).toBe(true)
  expect(webhookId).not.toBe(app.webhookId)
})

test('a Redis stream gets the notices and the message in Base64, each with an id of its own', async () => {
  const entries = await streamOf(redis, 'mail')
  const told = entries.map(({ body }) => JSON.parse(body ?? '') as Told)
  expect(
    told.map(({ receipt, content }) => [receipt.action['type'], content !== undefined]),
  ).toEqual([
    ['S3', false],
    ['SNS', true],
    ['Lambda', false],
    ['Bounce', false],
    ['Quarantine', false],
    ['Stop', false],
  ])
  expect(told[0]?.receipt).toMatchObject({
    recipients: to('ann'),
    action: { bucketName: 'archive', objectKeyPrefix: 'ann/', objectKey: `ann/${id}` },
    object: { bucketName: 'archive', objectKey: `ann/${id}` },
  })
  const content = Buffer.from(told[1]?.content ?? '', 'base64').toString()
  expect(content.endsWith(text)).toBe(true)
  expect(told.map(({ receipt }) => receipt.recipients)).toEqual(
    ['ann', 'ann', 'ann', 'old', 'eve', 'carl'].map((name) => to(name)),
  )
  expect(new Set(entries.map((each) => each['id'])).size).toBe(entries.length)
  for (const each of entries) {
    expect(each['id']).toMatch(new RegExp(`^${id}-\\d+$`))
    expect(each['subject']).toBe('Amazon SES Email Receipt Notification')
  }
})

test("functions get Lambda's event, without the body, and the way they are called", () => {
  const expected = [
    // path, way, recipients
    ['/told', 'Event', to('ann')],
    ['/ends-rule', 'RequestResponse', to('ann', 'bob')],
    ['/ends-set', 'RequestResponse', to('bob')],
    ['/goes-on', 'RequestResponse', to('dora')],
  ] as const
  for (const [path, type, whom] of expected) {
    const [only, ...more] = target.got(path)
    expect([path, more]).toEqual([path, []])
    expect(only?.headers['x-amz-invocation-type']).toBe(type)
    const { Records } = JSON.parse(only?.body ?? '') as { Records: { ses: Told }[] }
    expect(Records).toHaveLength(1)
    expect(Records[0]).toMatchObject({
      eventSource: 'aws:ses',
      ses: {
        mail: { messageId: id },
        receipt: { recipients: whom, action: { type: 'Lambda', invocationType: type } },
      },
    })
    expect(only?.body).not.toContain('hello')
  }
  signedPost('/ends-rule')
})

test('the sender is told by a bounce message of the one recipient, and of no other', async () => {
  await until(() => relay.taken.length > 0)
  const [only, ...more] = relay.taken
  expect(more).toEqual([])
  expect(only?.commands.slice(1)).toEqual(['MAIL FROM:<>', 'RCPT TO:<sender@example.test>', 'DATA'])
  const bounce = only?.message ?? ''
  expect(bounce.match(/^Final-Recipient: .*$/gm)).toEqual([
    'Final-Recipient: rfc822; old@example.test',
  ])
  expect(bounce).toContain('Status: 5.1.1')
  expect(bounce).toContain('This mailbox is closed')
})
