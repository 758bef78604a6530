/** What `postern explain` says of what is known of a message. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { type ExplainOptions, explain } from '../../../src/cli/explain.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { Given } from '../../../src/rules/forecast.ts'
import { messageFrom } from '../../../src/rules/given-message.ts'
import { verdictsFrom } from '../../../src/rules/given-verdicts.ts'

const defaults = loadConfig({ env: {}, cwd: tmpdir() })
const config = { ...defaults, domains: ['example.com'] }
const exported = {
  rules: join(import.meta.dirname, '../../fixtures/rules/valid'),
  ruleSet: 'exported',
  config,
}
const all = ['noreply@example.com', 'support+7@example.com', 'x@elsewhere.test']
const to = (recipients: readonly string[], tls = false): Given => ({ recipients, session: { tls } })
const json = (options: Omit<ExplainOptions, 'json'>) =>
  JSON.parse(explain({ ...options, json: true }))

test('the JSON has the fields that others depend on', () => {
  expect(json({ ...exported, given: to(all) })).toEqual({
    disposition: 'accept',
    reply: '250 OK <id>',
    ruleSet: 'prod-inbound',
    rcpt: [
      { recipient: 'noreply@example.com', accepted: true },
      { recipient: 'support+7@example.com', accepted: true },
      {
        recipient: 'x@elsewhere.test',
        accepted: false,
        reply: '550 5.1.1 No rule takes mail for this recipient',
      },
    ],
    rules: [
      {
        name: 'drop-noreply',
        matched: true,
        recipients: ['noreply@example.com'],
        why: 'matched by pattern noreply@example.com',
      },
      { name: 'support.tagged', matched: false, recipients: [], why: 'requires TLS' },
      {
        name: 'catch-all',
        matched: true,
        recipients: ['support+7@example.com'],
        why: 'matched by a configured domain, as the rule names no recipients, other recipients stopped earlier by rule drop-noreply',
      },
    ],
    plan: [
      {
        rule: 'catch-all',
        action: { S3Action: { BucketName: 'acme-inbox' } },
        recipients: ['support+7@example.com'],
        target: 'acme-inbox',
      },
    ],
    unmatched: ['x@elsewhere.test'],
  })
})

test('the text says what each recipient is answered and what would be done', () => {
  expect(explain({ ...exported, given: to(all.slice(1), true) })).toBe(
    `Rule set prod-inbound: accept
  support+7@example.com: accepted
  x@elsewhere.test: refused, 550 5.1.1 No rule takes mail for this recipient
Rules
  no   drop-noreply    no recipient matches
  yes  support.tagged  matched by pattern support@example.com (for support+7@example.com)
  yes  catch-all       matched by a configured domain, as the rule names no recipients (for
      support+7@example.com)
Plan
  1. AddHeaderAction X-Team: support (rule support.tagged, for support+7@example.com)
  2. S3Action to acme-inbox/support/ (rule support.tagged, for support+7@example.com)
  3. S3Action to acme-inbox (rule catch-all, for support+7@example.com)
At the end of the message
  250 OK <id>`,
  )
})

test('a plan with nothing in it says whether the message is accepted', () => {
  const text = (given: Given) => explain({ ...exported, given })
  expect(text(to(['noreply@example.com']))).toContain(
    'Plan\n  nothing: the message is accepted and not kept\n',
  )
  expect(text(to(['x@elsewhere.test']))).toMatch(/Plan\n {2}nothing$/)
  const tls = explain({ ...exported, config: defaults, given: to(['x@a.example.com']) })
  expect(tls).toContain('x@a.example.com: refused, 530 5.7.0 This recipient takes mail over TLS')
})

const spam = { VerdictExpression: verdict('SPAM', 'FAIL') }
const bounce = { SmtpReplyCode: '550', StatusCode: '5.7.1', Message: 'No spam', Sender: 'a@b.test' }
const store = { S3Action: { BucketName: 'inbox' } }
const ours = [
  { Name: 'spam', Conditions: [spam], Actions: [{ BounceAction: bounce }, stop()] },
  { Name: 'hello', Conditions: [subject('hello')], Actions: [store] },
  { Name: 'office', Recipients: ['office@example.com'], Actions: [store] },
]

function verdict(Attribute: string, value: string) {
  return { Evaluate: { Attribute }, Operator: 'EQUALS', Values: [value] }
}
function subject(text: string) {
  const Evaluate = { Attribute: 'SUBJECT' }
  return { StringExpression: { Evaluate, Operator: 'CONTAINS', Values: [text] } }
}
function stop() {
  return { StopAction: { Scope: 'RuleSet' } }
}

function rulesOf(rules: readonly object[]): Omit<ExplainOptions, 'given' | 'json'> {
  const dir = mkdtempSync(join(tmpdir(), 'postern-explain-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  const Rules = rules.map((rule) => ({ Enabled: true, ScanEnabled: true, ...rule }))
  writeFileSync(join(dir, 'default.json'), JSON.stringify({ Metadata: { Name: 'd' }, Rules }))
  return { rules: dir, config }
}

const mail = (head: string) => messageFrom(Buffer.from(`${head}\r\n\r\nbody\r\n`))

test('without a message only RCPT is certain, and it says what the rest depends on', () => {
  const asked = { ...rulesOf(ours), given: to(['ann@example.com', 'office@example.com']) }
  expect(json(asked)).toMatchObject({
    disposition: 'accept',
    depends: ['verdicts', 'message'],
    rcpt: [{ accepted: true }, { accepted: true }],
    plan: [{ rule: 'office' }],
  })
  expect(json(asked)).not.toHaveProperty('reply')
  const text = explain(asked)
  expect(text).toMatch(/^Rule set d: accept at RCPT\n/)
  expect(text).toMatch(/not known before the message\s+is there, so it is\s+skipped/)
  expect(text).toContain('the message: give it with --message FILE, or the id of one that is here')
  for (const line of text.split('\n')) expect(line.length).toBeLessThanOrEqual(100)
})

test('with a message, verdicts are missing still, and it says how to give them', async () => {
  const message = await mail('Subject: hello')
  const session = { tls: false, reversePath: '', helo: 'h', remoteIp: '192.0.2.1' }
  const given = { recipients: ['ann@example.com'], session, message }
  const told = json({ ...rulesOf(ours), given })
  expect(told).toMatchObject({ disposition: 'accept', depends: ['verdicts'] })
  expect(told.rules[0].why).toContain('the spam verdict is not known')
  expect(explain({ ...rulesOf(ours), given })).toContain('--verdict spam=FAIL')
})

const verdicts = verdictsFrom({
  ...{ spf: 'PASS', dkim: 'PASS', dmarc: 'FAIL', spam: 'PASS', virus: 'PASS' },
  dmarcPolicy: 'reject',
})

test('which condition decided and what it found is said, for a match and for none', async () => {
  const message = await mail('Subject: oh, hello')
  const given = { ...to(['ann@example.com']), message, verdicts }
  const text = explain({ ...rulesOf(ours), given })
  expect(text).toContain('no   spam    ruled out: SPAM EQUALS "FAIL"; spam is PASS\n')
  expect(text).toMatch(/yes {2}hello .*\n {7}as SUBJECT CONTAINS .*; it is "oh, hello"\n/)
  expect(text).toMatch(/^Message\n {2}\d+ octets\n {2}spf PASS, dkim PASS, dmarc FAIL/)
  expect(text).toMatch(/At the end of the message\n {2}250 OK <id>$/)
})

test('a bounce that can be said in the session is the reply', async () => {
  const message = await mail('Subject: hello')
  const given = { ...to(['ann@example.com']), message, verdicts: verdictsFrom({ spam: 'FAIL' }) }
  const told = json({ ...rulesOf(ours), given })
  expect(told).toMatchObject({ disposition: 'reject', reply: '550 5.7.1 No spam', plan: [] })
  const two = { ...given, recipients: ['ann@example.com', 'office@example.com'] }
  const others = json({
    ...rulesOf([{ ...ours[0], Recipients: ['ann@example.com'] }, { ...ours[2] }]),
    given: two,
  })
  expect(others).toMatchObject({
    disposition: 'accept',
    plan: [{ rule: 'spam', target: 'the reverse-path' }, { rule: 'office' }],
  })
})

test('a recipient that is only bounced is refused at RCPT with the words of the rule', () => {
  const asked = rulesOf([{ Name: 'gone', Actions: [{ BounceAction: bounce }] }])
  expect(json({ ...asked, given: to(['ann@example.com']) })).toMatchObject({
    disposition: 'reject',
    reply: '550 5.7.1 No spam',
    rcpt: [{ accepted: false, reply: '550 5.7.1 No spam' }],
    plan: [],
  })
})

test('verdicts that the server refuses on its own refuse here, if a rule has it scan', async () => {
  const refusing = { ...config, smtp: { ...config.smtp, refuse: ['virus' as const] } }
  const given = { ...to(['ann@example.com']), verdicts: verdictsFrom({ virus: 'FAIL' }) }
  const told = (scan: boolean) =>
    json({
      ...rulesOf([{ Name: 'all', ScanEnabled: scan, Actions: [store] }]),
      config: refusing,
      given,
    })
  expect(told(true)).toMatchObject({
    disposition: 'reject',
    reply: '550 5.7.1 Message contains a virus',
  })
  expect(told(false)).toMatchObject({ disposition: 'accept' })
})

test('what an SNSAction can not carry is said in the session, or bounced', async () => {
  const topic = { SNSAction: { TopicArn: 'arn:aws:sns:eu-west-1:123456789012:t' } }
  const asked = rulesOf([{ Name: 'tell', Actions: [topic] }])
  const message = await messageFrom(Buffer.alloc(200_000, 'a'))
  const given = { ...to(['ann@example.com']), message }
  expect(explain({ ...asked, given })).toMatch(
    /Message length exceeds limit set by recipient \(an SNSAction can not carry more than\s+notifications/,
  )
})

test('nothing of a message or an address reaches the terminal unescaped', async () => {
  const message = await mail('Subject: hello \x1b[31m')
  const session = { tls: false, reversePath: '\x1b[31m', helo: '\x07' }
  const asked = rulesOf([{ Name: 'h', Conditions: [subject('hello')], Actions: [store] }])
  const text = explain({
    ...asked,
    given: { recipients: ['ann\x1b@example.com'], session, message },
  })
  expect(text).not.toMatch(/[\x00-\x09\x0b-\x1f]/)
})
