/** Which way a BounceAction takes: at RCPT, at the end of data, or as a bounce message (docs/bounces.md). */
import { createServer } from 'node:http'
import type { AddressInfo } from 'node:net'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { arrived, bounce, queued, send, startSendersServer } from '../support/bounces.ts'
import { readByPython } from '../support/dsn.ts'
import { type RunningPostern, startPostern, stopAll } from '../support/postern.ts'

const store = { S3Action: { BucketName: 'inbox' } }
const topic = 'arn:aws:sns:eu-west-1:123456789012:mail'
const triage = 'arn:aws:lambda:eu-west-1:123456789012:function:triage'
const subjectHas = (word: string) => ({
  StringExpression: { Evaluate: { Attribute: 'SUBJECT' }, Operator: 'CONTAINS', Values: [word] },
})
const rule = (name: string, Actions: readonly object[], more: object = {}) => ({
  Name: name,
  Enabled: true,
  Recipients: [`${name}@example.test`],
  Actions,
  ...more,
})

const rules = {
  Metadata: { Name: 'default' },
  Rules: [
    rule('gone', [bounce('550', '5.1.1', 'Mailbox does not exist')]),
    rule('full', [store, bounce('552', '5.2.2', 'Mailbox full')]),
    rule('other', [store, bounce('550', '5.2.1', 'Mailbox disabled')]),
    rule('open', [store]),
    rule('offers', [bounce('554', '5.7.1', 'No offers')], { Conditions: [subjectHas('offer')] }),
    { ...rule('offers-else', [store]), Recipients: ['offers@example.test'] },
    rule('unsigned', [bounce('550', '5.7.20', 'No DKIM signature')], {
      Conditions: [
        {
          VerdictExpression: {
            Evaluate: { Attribute: 'DKIM' },
            Operator: 'EQUALS',
            Values: ['GRAY'],
          },
        },
      ],
    }),
    rule('busy', [bounce('451', '4.3.0', 'Come again')], { Conditions: [subjectHas('hello')] }),
    rule('busy-kept', [store, bounce('451', '4.3.0', 'Come again')]),
    rule('topic', [{ SNSAction: { TopicArn: topic } }]),
    rule('asked', [
      { LambdaAction: { FunctionArn: triage, InvocationType: 'RequestResponse' } },
      bounce('550', '5.7.1', 'Refused'),
    ]),
  ],
}

let sender: RunningPostern
let postern: RunningPostern
/** Plays a function that answers "go on". */
const functionServer = createServer((request, response) => {
  request.resume().once('end', () => response.end('{"disposition":"CONTINUE"}'))
})

beforeAll(async () => {
  await new Promise<void>((resolve) => functionServer.listen(0, '127.0.0.1', resolve))
  sender = await startSendersServer()
  const at = (functionServer.address() as AddressInfo).port
  const url = `http://127.0.0.1:${at}/`
  postern = await startPostern({
    rules,
    config: {
      bounces: { relay: `127.0.0.1:${sender.port}` },
      resources: {
        topics: { [topic]: { type: 'webhook', url, secret: `whsec_${'A'.repeat(44)}` } },
        functions: { [triage]: { type: 'http', url } },
      },
    },
  })
})
afterAll(async () => {
  await stopAll()
  functionServer.close()
})

const hello = 'From: ann@sender.test\r\nSubject: hello\r\n\r\nHello.\r\n'
const ann = '<ann@sender.test>'
const said = (replies: readonly { code: number; text: string }[]): string[] =>
  replies.slice(1).map(({ code, text }) => `${code} ${text}`)

/** All that was stored for `recipient`. */
async function storedFor(recipient: string): Promise<number> {
  await postern.delivered()
  const mailbox = await postern.mailbox()
  let count = 0
  for await (const { key } of mailbox.list()) {
    const { receipt } = await mailbox.get(key)
    if (receipt.recipients.includes(recipient)) count += 1
  }
  return count
}

const inSession = [
  // sender, recipients, replies to RCPT and to the end of data, stored for the first, why, message
  [
    ann,
    ['gone@example.test'],
    ['550 5.1.1 Mailbox does not exist'],
    0,
    'at RCPT when nothing stands before it',
    hello,
  ],
  [
    ann,
    ['full@example.test'],
    ['250 2.1.5 Recipient OK', '552 5.2.2 Mailbox full'],
    1,
    'the action before it still runs',
    hello,
  ],
  [
    ann,
    ['gone@example.test', 'full@example.test'],
    ['550 5.1.1 Mailbox does not exist', '250 2.1.5 Recipient OK', '552 5.2.2 Mailbox full'],
    0,
    'who was refused at RCPT is no recipient any more',
    hello,
  ],
  [
    ann,
    ['offers@example.test'],
    ['250 2.1.5 Recipient OK', '554 5.7.1 No offers'],
    1,
    'a condition is decided when the message is there; a bounce does not stop, so it is stored',
    hello.replace('hello', 'an offer'),
  ],
  [
    ann,
    ['unsigned@example.test'],
    ['250 2.1.5 Recipient OK', '550 5.7.20 No DKIM signature'],
    0,
    'the verdicts are there too',
    hello,
  ],
  [
    ann,
    ['busy@example.test'],
    ['250 2.1.5 Recipient OK', '451 4.3.0 Come again'],
    0,
    'a 4xx is said where nothing else was done: it comes again',
    hello,
  ],
  [
    ann,
    ['topic@example.test'],
    ['250 2.1.5 Recipient OK', '552 5.2.3 Message length exceeds limit set by recipient'],
    0,
    'SES: over 150 KB an SNSAction bounces',
    `${hello}${`${'x'.repeat(70)}\r\n`.repeat(2300)}`,
  ],
  [
    '<>',
    ['full@example.test'],
    ['250 2.1.5 Recipient OK', '552 5.2.2 Mailbox full'],
    2,
    'a reply may be given to a null reverse-path too: it is no message',
    hello,
  ],
] as const

test.for(inSession)(
  '%s to %j is answered %j, %s stored: %s',
  async ([from, recipients, replies, stored, , message]) => {
    expect(said(await send(postern, from, recipients, message))).toEqual(replies)
    if (stored > 0) expect(await storedFor(recipients[0])).toBeGreaterThanOrEqual(stored)
    else await postern.delivered()
    expect(queued(postern)).toEqual([])
  },
)

test('what could not be said in the session is sent: one bounce message each, and to nobody else', async () => {
  const expected = [
    // recipients, bounced, Status, Diagnostic-Code, why
    [
      ['open@example.test', 'full@example.test'],
      ['full@example.test'],
      '5.2.2',
      'smtp; 552 5.2.2 Mailbox full',
      'another recipient has it',
    ],
    [
      ['busy-kept@example.test'],
      ['busy-kept@example.test'],
      '4.3.0',
      'smtp; 451 4.3.0 Come again',
      'told to come again, it would be stored again',
    ],
    [
      ['asked@example.test'],
      ['asked@example.test'],
      '5.7.1',
      'smtp; 550 5.7.1 Refused',
      'the function before it is asked later',
    ],
  ] as const
  for (const [recipients, , status] of expected) {
    const message = hello.replace('hello', `for ${status}`)
    const replies = await send(postern, ann, recipients, message)
    expect(replies.at(-1)).toMatchObject({ code: 250, text: expect.stringMatching(/^OK [0-9a-v]/) })
  }
  // Two rules that bounce with different words: one reply can't say both.
  const both = ['full@example.test', 'other@example.test']
  const twice = await send(postern, ann, both, hello.replace('hello', 'for two'))
  expect(twice.at(-1)?.code).toBe(250)
  // None of these is answered.
  const unanswered = [
    ['<>', hello, 'null-reverse-path'],
    [ann, `List-Id: <news.sender.test>\r\n${hello}`, 'a-list'],
    [ann, `Content-Type: multipart/report; report-type=delivery-status\r\n${hello}`, 'a-report'],
    ['<news-bounces@sender.test>', hello, 'reverse-path-of-a-machine'],
  ] as const
  for (const [from, message, why] of unanswered) {
    const replies = await send(postern, from, ['open@example.test', 'full@example.test'], message)
    const id = replies.at(-1)?.text.replace('OK ', '')
    const record = await postern.logged(
      (each) => each.msg === 'No bounce message is sent' && each['id'] === id,
    )
    expect(record).toMatchObject({ level: 'info', rule: 'full', why })
  }
  await postern.delivered()

  const messages = await arrived(sender, expected.length + 2)
  expect(messages).toHaveLength(expected.length + 2)
  for (const { receipt } of messages) {
    expect(receipt.envelope).toMatchObject({
      reversePath: '',
      helo: 'mx.example.test',
      recipients: ['ann@sender.test'],
    })
  }
  const found = readByPython(messages.map(({ original }) => original)).map(({ parts }) => {
    const [, ...groups] = parts[1]?.groups ?? []
    const told = groups.map((group) => {
      const { 'Final-Recipient': whom, Status, 'Diagnostic-Code': code } = Object.fromEntries(group)
      return [whom, Status, code].join(' ')
    })
    const subject = Buffer.from(parts[2]?.octets ?? '', 'base64').toString()
    return `${/Subject: (.*)\r/.exec(subject)?.[1]}: ${told.join(', ')}`
  })
  expect(found.sort()).toEqual(
    [
      ...expected.map(
        ([, [bounced], status, code]) => `for ${status}: rfc822; ${bounced} ${status} ${code}`,
      ),
      'for two: rfc822; full@example.test 5.2.2 smtp; 552 5.2.2 Mailbox full',
      'for two: rfc822; other@example.test 5.2.1 smtp; 550 5.2.1 Mailbox disabled',
    ].sort(),
  )
})
