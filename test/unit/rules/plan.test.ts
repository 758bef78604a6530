/** The plan for a message that is there, and what a shadow rule set would have done. */
import { describe, expect, test } from 'vitest'
import type { CapturedMessage } from '../../../src/mail/captured.ts'
import { limits } from '../../../src/mail/mime.ts'
import { allDisabled } from '../../../src/mail/verdict.ts'
import type { Condition } from '../../../src/rules/condition.ts'
import { compile } from '../../../src/rules/lookup.ts'
import { factsOf, type NamedRules, planFor } from '../../../src/rules/plan.ts'
import type { Rule, RuleAction } from '../../../src/rules/rule-set.ts'

const envelope = {
  remoteIp: '192.0.2.1',
  helo: 'client.example.test',
  reversePath: 'sender@example.test',
  recipients: ['you@example.test'],
  protocol: 'ESMTP',
} as const
const content = { maxContentBytes: 150, oversize: 'bounce' } as const

function captured(text: string): CapturedMessage & { readonly readings: () => number } {
  const octets = Buffer.from(text, 'latin1')
  const end = text.indexOf('\r\n\r\n')
  let readings = 0
  return {
    size: octets.length,
    header: octets.subarray(0, end < 0 ? octets.length : end + 4),
    async *read() {
      readings += 1
      yield octets
    },
    readings: () => readings,
  }
}

const store = (BucketName: string): RuleAction => ({ S3Action: { BucketName } })
const bounce: RuleAction = {
  BounceAction: { SmtpReplyCode: '550', Message: 'no', Sender: 'a@b.test' },
}

function rules(...some: readonly Partial<Rule>[]): NamedRules {
  const Rules = some.map((each, place): Rule => {
    const defaults = { Enabled: true, TlsPolicy: 'Optional', ScanEnabled: false } as const
    return { Name: `r${place}`, ...defaults, Recipients: [], Actions: [store('a')], ...each }
  })
  return { name: 'n', compiled: compile({ Metadata: { Name: 'n' }, Rules }, ['example.test']) }
}

const hasAttachment: Condition = {
  BooleanExpression: { Evaluate: { Attribute: 'HAS_ATTACHMENT' }, Operator: 'IS_TRUE' },
}
const subjectIs = (value: string): Condition => ({
  StringExpression: { Evaluate: { Attribute: 'SUBJECT' }, Operator: 'EQUALS', Values: [value] },
})

const plain = 'Subject: hello\r\n\r\nbody\r\n'
const received = (text: string, verdicts = allDisabled('test')) => {
  return { envelope, message: captured(text), verdicts }
}

function multipart(boundary: string, ...parts: readonly string[]): string {
  const body = parts.map((part) => `--${boundary}\r\n${part}\r\n`).join('')
  return `MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="${boundary}"\r\n\r\n${body}--${boundary}--\r\n`
}
const attachment = (name: string) =>
  `Content-Type: application/pdf\r\nContent-Disposition: attachment; filename="${name}"\r\n\r\nx`

test('a message that a rule takes has its plan; conditions see its header fields', async () => {
  const active = rules({ Conditions: [subjectIs('hello')] }, { Conditions: [subjectIs('else')] })
  expect(await planFor(received(plain), { active }, content)).toEqual({
    disposition: 'accept',
    plan: [{ rule: 'r0', action: store('a'), recipients: ['you@example.test'], scan: false }],
    unmatched: [],
  })
})

test('a message that no rule takes has none', async () => {
  const active = rules({ Conditions: [subjectIs('else')] })
  expect(await planFor(received(plain), { active }, content)).toEqual({
    disposition: 'reject',
    plan: [],
    unmatched: ['you@example.test'],
  })
})

test('a message that is deferred has none either, whatever other rules would do', async () => {
  const virus: Condition = {
    VerdictExpression: { Evaluate: { Attribute: 'VIRUS' }, Operator: 'EQUALS', Values: ['PASS'] },
  }
  const active = rules({}, { Conditions: [virus], OnUndecided: 'DEFER' })
  const { disposition, plan } = await planFor(received(plain), { active }, content)
  expect({ disposition, plan }).toEqual({ disposition: 'defer', plan: [] })
})

test('what can be said in the session is, and the rest is the plan', async () => {
  const active = rules({ Actions: [store('a'), bounce] })
  expect(await planFor(received(plain), { active }, content)).toMatchObject({
    bounce: { SmtpReplyCode: '550' },
    plan: [{ action: store('a') }],
  })
})

test('too large for a topic is said in the session, too', async () => {
  const topic: RuleAction = { SNSAction: { TopicArn: 'arn:t', Encoding: 'UTF-8' } }
  const active = rules({ Actions: [topic] })
  const large = received(`${plain}${'x'.repeat(150)}`)
  expect(await planFor(large, { active }, content)).toMatchObject({
    bounce: { SmtpReplyCode: '552', StatusCode: '5.2.3' },
    plan: [],
  })
  expect(await planFor(received(plain), { active }, content)).toMatchObject({
    plan: [{ action: topic }],
  })
})

describe('the MIME structure', () => {
  test('is walked only for rules that ask for it', async () => {
    const asking = rules({ Conditions: [hasAttachment] })
    const message = captured(plain)
    await planFor({ ...received(plain), message }, { active: rules({}) }, content)
    await planFor(
      { ...received(plain), message },
      { active: rules({ Enabled: false, Conditions: [hasAttachment] }, {}) },
      content,
    )
    expect(message.readings()).toBe(0)
    await planFor({ ...received(plain), message }, { active: asking }, content)
    await planFor({ ...received(plain), message }, { active: rules({}), shadow: asking }, content)
    expect(message.readings()).toBe(2)
  })

  const structures = [
    // what, message, attachments that are known
    ['no attachment', plain, []],
    ['one', multipart('b', attachment('x.pdf')), [{ name: 'x.pdf', type: 'application/pdf' }]],
    [
      'a boundary that two readers take differently (pitfalls B12)',
      multipart('b', 'Content-Type: text/plain\r\n\r\nx', '--bX\r\n\r\n--b but not quite\r\n'),
      undefined,
    ],
    [
      'an attachment in the text (uuencoded)',
      'Subject: x\r\n\r\nbegin 644 a.exe\r\n#0V%T\r\nend\r\n',
      undefined,
    ],
    [
      'more attachments than are told, behind which another may hide',
      multipart('b', ...Array.from({ length: limits.attachments + 1 }, () => attachment('x.pdf'))),
      undefined,
    ],
    [
      'more parts than are looked at',
      multipart('b', ...Array.from({ length: limits.parts + 2 }, () => '\r\nx')),
      undefined,
    ],
  ] as const

  test.for(structures)('with %s', async ([, text, expected]) => {
    const { attachments } = await factsOf(envelope, captured(text), undefined, true)
    expect(attachments).toEqual(expected)
  })

  test('that can be read in two ways lets no rule fire that asks for it: the message is deferred', async () => {
    const noAttachment: Condition = {
      BooleanExpression: { Evaluate: { Attribute: 'HAS_ATTACHMENT' }, Operator: 'IS_FALSE' },
    }
    const [, , [, doubtful]] = structures
    for (const condition of [hasAttachment, noAttachment]) {
      const active = rules({ Conditions: [condition] })
      const { disposition } = await planFor(received(doubtful), { active }, content)
      expect(disposition).toBe('defer')
    }
  })
})

describe('a shadow rule set', () => {
  const active = rules({ Actions: [store('a')] })

  const differences = [
    // what differs, the shadow's rule
    ['nothing', {}, false],
    ['the bucket', { Actions: [store('b')] }, true],
    ['the key', { Actions: [{ S3Action: { BucketName: 'a', KmsKeyArn: 'arn:k' } }] }, true],
    ['what becomes of it on failure', { Actions: [{ ...store('a'), OnFailure: 'DROP' }] }, true],
    ['a notice', { Actions: [{ S3Action: { BucketName: 'a', TopicArn: 'arn:t' } }] }, true],
    ['whether it is scanned', { ScanEnabled: true }, true],
    ['whether it is taken at all', { Recipients: ['other.test'] }, true],
    ['a reply in the session', { Actions: [store('a'), bounce] }, true],
    ['a pattern that takes the same', { Recipients: ['example.test'] }, false],
  ] as const

  test.for(differences)('that differs in %s', async ([, rule, told]) => {
    const found = await planFor(received(plain), { active, shadow: rules(rule) }, content)
    expect(found.differs !== undefined).toBe(told)
    expect(JSON.stringify(found.differs?.active)).not.toBe(
      told ? JSON.stringify(found.differs?.shadow) : '',
    )
  })

  test('changes nothing of what is done', async () => {
    const shadow = rules({ Actions: [bounce] })
    const { differs, ...found } = await planFor(received(plain), { active, shadow }, content)
    expect(found).toEqual(await planFor(received(plain), { active }, content))
    expect(differs?.active.plan).toEqual([
      'r0: {"S3Action":{"BucketName":"a"}}, not scanned, for you@example.test',
    ])
  })
})
