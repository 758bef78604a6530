/** Every payload, key by key in order: our fixtures have the shapes of reference §5.4. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { PermanentError } from '../../../src/errors.ts'
import type { RuleAction } from '../../../src/rules/rule-set.ts'
import { message, objectUrl, payloads, type Step, s3Action, sentFor } from './payloads.ts'

const root = join(import.meta.dirname, '../../..')
const webhook: RuleAction = { WebhookAction: { Endpoint: 'app', Content: 'None' } }

async function sent(head: readonly string[], more: Step = {}) {
  const whole = `${head.join('\r\n')}\r\n\r\nx\r\n`
  const { body } = await sentFor(webhook, false, { message: whole, ...more })
  return JSON.parse(body)
}

test.for(Object.entries(payloads))(
  '%s is its fixture, in the order of its keys',
  async ([name, make]) => {
    const notice = await make()
    const file = join(root, 'test/fixtures/notifications', `${name}.json`)
    expect(`${JSON.stringify(JSON.parse(notice.body), undefined, 2)}\n`).toBe(
      readFileSync(file, 'utf8'),
    )
    expect(notice.id).toMatch(/^[0-9a-v]{40}-0$/)
  },
)

const topic = ['type', 'topicArn']
const actions = [
  // payload, keys of receipt.action: reference §5.3, §5.4
  ['s3', [...topic, 'bucketName', 'objectKeyPrefix', 'objectKey']],
  ['sns-utf-8', [...topic, 'encoding']],
  ['sns-base64', [...topic, 'encoding']],
  ['lambda', ['type', 'functionArn', 'invocationType']],
  ['bounce', [...topic, 'smtpReplyCode', 'statusCode', 'message', 'sender']],
  ['stop', topic],
] as const
test.for(actions)(
  "%s has SES's keys in SES's order, and ours behind them",
  async ([name, keys]) => {
    const value = JSON.parse((await payloads[name]?.())?.body ?? '')
    const { mail, receipt, ...rest } = name === 'lambda' ? value.Records[0].ses : value
    if (name === 'lambda') {
      expect(Object.keys(value.Records[0])).toEqual(['eventSource', 'eventVersion', 'ses'])
      expect(rest).toEqual({})
    } else {
      const content = name.startsWith('sns') ? ['content'] : []
      expect(Object.keys(value)).toEqual(['notificationType', 'mail', 'receipt', ...content])
    }
    const common = ['returnPath', 'from', 'date', 'to', 'cc', 'messageId', 'subject']
    expect(Object.keys(mail.commonHeaders)).toEqual(common)
    expect(Object.keys(mail)).toEqual([
      ...['timestamp', 'source', 'messageId', 'destination', 'headersTruncated', 'headers'],
      'commonHeaders',
    ])
    expect(Object.keys(receipt)).toEqual([
      ...['timestamp', 'processingTimeMillis', 'recipients', 'spamVerdict', 'virusVerdict'],
      ...['spfVerdict', 'dkimVerdict', 'dmarcVerdict'],
      ...(name === 'bounce' ? ['dmarcPolicy'] : []),
      'action',
      ...(name === 's3' ? ['object'] : []),
    ])
    expect(Object.keys(receipt.action)).toEqual(keys)
  },
)

test('SES: the subject is always the same', async () => {
  const subjects = await Promise.all(
    Object.entries(payloads)
      .filter(([name]) => name !== 'lambda')
      .map(async ([, make]) => (await make()).subject),
  )
  expect(new Set(subjects)).toEqual(new Set(['Amazon SES Email Receipt Notification']))
})

test('the content is the message as it is stored: our fields, then its octets', async () => {
  const content = async (name: string): Promise<string> =>
    JSON.parse((await payloads[name]?.())?.body ?? '').content
  const text = await content('sns-utf-8')
  expect(text.startsWith('Return-Path: <ada@sender.example>\r\nReceived: from ')).toBe(true)
  expect(text.endsWith(message)).toBe(true)
  expect(Buffer.from(await content('sns-base64'), 'base64').toString()).toBe(text)
})

describe('mail.headers', () => {
  test('are as written, folds one space, repeated ones kept, encoded words too', async () => {
    const { mail } = await sent(['X-A: 1', ' 2', 'x-a: 3', 'From: =?utf-8?q?=C3=A4?= <a@b.test>'])
    expect(mail.headers.slice(-3)).toEqual([
      { name: 'X-A', value: '1 2' },
      { name: 'x-a', value: '3' },
      { name: 'From', value: '=?utf-8?q?=C3=A4?= <a@b.test>' },
    ])
    expect(mail.headersTruncated).toBe(false)
  })

  test('lose their tail above 10 KB; commonHeaders are of all of them', async () => {
    const many = Array.from({ length: 300 }, (_, at) => `X-${at}: ${'v'.repeat(50)}`)
    const { mail } = await sent([...many, 'Subject: last'])
    expect(mail.headersTruncated).toBe(true)
    const octets = mail.headers.map(({ name, value }: { name: string; value: string }) =>
      Buffer.byteLength(`${name}: ${value}\r\n`),
    )
    const total = octets.reduce((sum: number, each: number) => sum + each, 0)
    expect(total).toBeGreaterThan(10_100)
    expect(total).toBeLessThanOrEqual(10_240)
    expect(mail.headers[0].name).toBe('Return-Path')
    expect(mail.commonHeaders.subject).toBe('last')
  })

  test('do not name the recipients of other rules', async () => {
    const { mail } = await sent(['Subject: x'])
    expect(JSON.stringify(mail.headers)).not.toContain('X-Postern-Receipt')
  })

  test('a message that begins with a fold does not go on with our last field', async () => {
    const delivery = { added: [{ name: 'X-Ours', value: 'yes' }] }
    const { mail } = await sent([' no', 'Subject: x'], { delivery })
    expect(mail.headers.slice(-2)).toEqual([
      { name: 'X-Ours', value: 'yes' },
      { name: 'Subject', value: 'x' },
    ])
  })
})

describe('commonHeaders', () => {
  const rows = [
    // head, key, value, why
    [['Sender: =?utf-8?q?=C3=A4?= <s@b.test>'], 'sender', 'ä <s@b.test>', 'a string, decoded'],
    [['Date: yesterday (noon)'], 'date', 'yesterday (noon)', 'verbatim'],
    [['Subject: =?utf-8?b?w6Q=?='], 'subject', 'ä', 'decoded'],
    [['Subject: one', 'Subject: two'], 'subject', 'one', 'the first'],
    [['Reply-To: a@b.test', 'Reply-To: c@b.test'], 'replyTo', ['a@b.test', 'c@b.test'], 'of all'],
    [['To: undisclosed-recipients:;'], 'to', [], 'no mailbox, but the field is there'],
    [['Bcc: b@b.test'], 'bcc', ['b@b.test'], 'a Bcc that its sender left in'],
    [['From: "a, b" <a@b.test>'], 'from', ['"a, b" <a@b.test>'], 'quoted where it must be'],
    [['Subject: x'], 'to', undefined, 'absent where the field is'],
    [['Subject: x'], 'sender', undefined, 'absent where the field is'],
  ] as const
  test.for(rows)('%j: %s is %j (%s)', async ([head, key, value]) => {
    const { mail } = await sent(head)
    expect(mail.commonHeaders[key]).toEqual(value)
    expect(key in mail.commonHeaders).toBe(value !== undefined)
  })
})

test('destination is To, then Cc, whatever their order', async () => {
  const { mail } = await sent(['Cc: C <c@b.test>', 'To: a@b.test', 'Bcc: d@b.test', 'To: b@b.test'])
  expect(mail.destination).toEqual(['a@b.test', 'b@b.test', 'c@b.test'])
})

const policies = [
  // verdict, policy, reported, why
  ['FAIL', 'none', 'none', 'SES reports it with none, too'],
  ['FAIL', 'quarantine', 'quarantine', 'a plain text'],
  ['FAIL', undefined, undefined, 'no policy is known'],
  ['PASS', 'reject', undefined, 'only where DMARC fails'],
  ['GRAY', 'reject', undefined, 'only where DMARC fails'],
] as const
test.for(policies)(
  'dmarc %s with the policy %s reports %s (%s)',
  async ([verdict, policy, reported]) => {
    const verdicts = {
      dmarc: { verdict },
      ...(policy === undefined ? {} : { dmarcPolicy: policy }),
    } as const
    const { receipt } = await sent(['Subject: x'], { verdicts })
    expect(receipt.dmarcPolicy).toBe(reported)
    expect('dmarcPolicy' in receipt).toBe(reported !== undefined)
  },
)

describe('the object', () => {
  const stored = { delivery: { stored: s3Action } }
  const key = 'raw/help/k3v0q8m1t6c9f2s5h7r4n0b8d1p6g9j2l5u7a401'

  test('is told with its key, URL and expiry where a rule has stored it', async () => {
    const { receipt } = await sent(['Subject: x'], { ...stored, objectUrl })
    const { url, urlExpires } = await objectUrl()
    expect(receipt.object).toEqual({ bucketName: 'acme-inbox', objectKey: key, url, urlExpires })
    expect(Object.keys(receipt).slice(-2)).toEqual(['action', 'object'])
  })

  test('is told without a URL where the store or the configuration gives none', async () => {
    const { receipt } = await sent(['Subject: x'], stored)
    expect(receipt.object).toEqual({ bucketName: 'acme-inbox', objectKey: key })
  })

  test('is not told where nothing has stored it', async () => {
    expect((await sent(['Subject: x'], { objectUrl })).receipt).not.toHaveProperty('object')
  })
})

describe('a message that is too large to go with its notification', () => {
  const action: RuleAction = { WebhookAction: { Endpoint: 'app', Content: 'Base64' } }
  const small = { maxContentBytes: message.length - 1 }

  test('goes by reference where it is stored', async () => {
    const { body } = await sentFor(action, false, { ...small, delivery: { stored: s3Action } })
    const { receipt, content } = JSON.parse(body)
    expect([receipt.contentOmitted, receipt.object.bucketName, content]).toEqual([
      true,
      'acme-inbox',
      undefined,
    ])
  })

  test('is held where it is not, so that it is not lost', async () => {
    const failed = sentFor(action, false, small)
    await expect(failed).rejects.toBeInstanceOf(PermanentError)
    await expect(failed).rejects.toThrow('no S3Action before this one in its rule has stored it')
  })

  test('at the limit itself goes with it', async () => {
    const { body } = await sentFor(action, false, { maxContentBytes: message.length })
    expect(JSON.parse(body).receipt).not.toHaveProperty('contentOmitted')
  })
})

test('the examples of docs/notifications.md are what is sent', () => {
  const page = readFileSync(join(root, 'docs/notifications.md'), 'utf8')
  const examples = [...page.matchAll(/<!-- (\S+) -->\n```json\n([\s\S]*?)```/g)]
  expect(examples.map(([, name]) => name).sort()).toEqual(
    ['bounce', 'lambda', 'quarantine-replayed', 's3', 'sns-utf-8', 'webhook-by-reference'].sort(),
  )
  for (const [, name, json] of examples) {
    const fixture = readFileSync(join(root, `test/fixtures/notifications/${name}.json`), 'utf8')
    expect(JSON.stringify(reduced(JSON.parse(json ?? '')))).toBe(
      JSON.stringify(reduced(JSON.parse(fixture))),
    )
  }
})

/** A page shows of the header fields and of the content the beginning only. */
function reduced(value: unknown): unknown {
  return JSON.parse(JSON.stringify(value), (key, each) =>
    key === 'headers' ? each.slice(0, 1) : key === 'content' ? each.slice(0, 30) : each,
  )
}
