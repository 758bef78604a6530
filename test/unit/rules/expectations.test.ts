/** Tests of rules: what may be given, and that only what is written is compared. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkExpectations } from '../../../src/cli/check-expectations.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { Test } from '../../../src/rules/expectations-schema.ts'

const config = loadConfig({ env: {}, cwd: tmpdir() })

const condition = (kind: string, Attribute: string, Operator: string, value?: unknown) => ({
  [kind]: {
    Evaluate: { Attribute },
    Operator,
    ...(value === undefined ? {} : { Values: [value] }),
  },
})
const store = [{ S3Action: { BucketName: 'inbox' } }]
const rule = (Name: string, one?: object) => ({
  ...{ Name, Enabled: true, ScanEnabled: true, Actions: store },
  Conditions: one === undefined ? [] : [one],
})
const size = { Evaluate: { Attribute: 'MESSAGE_SIZE' }, Operator: 'GREATER_THAN', Value: 999 }
const score = { Evaluate: { Attribute: 'SPAM_SCORE' }, Operator: 'GREATER_THAN', Value: 5 }
const rules = [
  rule('from', condition('StringExpression', 'MAIL_FROM', 'EQUALS', 'a@b.test')),
  rule('null', condition('StringExpression', 'MAIL_FROM', 'EQUALS', '')),
  rule('helo', condition('StringExpression', 'HELO', 'EQUALS', 'h.test')),
  rule('ip', condition('IpExpression', 'SOURCE_IP', 'CIDR_MATCHES', '192.0.2.0/24')),
  rule('tls', condition('BooleanExpression', 'TLS', 'IS_TRUE')),
  rule('subject', condition('StringExpression', 'SUBJECT', 'EQUALS', 'hello')),
  rule('cc', condition('StringExpression', 'CC', 'EQUALS', 'two@b.test')),
  rule('exe', condition('StringExpression', 'ATTACHMENT_NAME', 'ENDS_WITH', '.exe')),
  rule('bare', condition('BooleanExpression', 'HAS_ATTACHMENT', 'IS_FALSE')),
  rule('large', { NumberExpression: size }),
  rule('spam', condition('VerdictExpression', 'SPAM', 'EQUALS', 'FAIL')),
  rule('score', { NumberExpression: score }),
  rule('policy', { DmarcExpression: { Operator: 'EQUALS', Values: ['REJECT'] } }),
  rule('rest'),
]

function write(name: string, data: string, dir?: string): string {
  const at = dir ?? mkdtempSync(join(tmpdir(), 'postern-expect-'))
  if (dir === undefined) onTestFinished(() => rmSync(at, { recursive: true }))
  mkdirSync(dirname(join(at, name)), { recursive: true })
  writeFileSync(join(at, name), data)
  return at
}

function dirWith(tests: readonly Test[]): string {
  const dir = write('default.json', JSON.stringify({ Metadata: { Name: 'd' }, Rules: rules }))
  return write('default.test.json', JSON.stringify({ tests }), dir)
}

const mail = [
  'Subject: hello',
  'Content-Type: application/x-msdownload',
  'Content-Disposition: attachment; filename=virus.exe',
  '',
  'MZ',
  '',
].join('\r\n')

const to = ['you@example.test']
const cases: readonly (readonly [Test['given'], readonly string[], string])[] = [
  [{ to }, ['rest'], 'nothing else is known, nothing else matches'],
  [{ to, from: 'a@b.test' }, ['from', 'rest'], 'the sender'],
  [{ to, from: '' }, ['null', 'rest'], 'the null reverse-path'],
  [{ to, helo: 'h.test', tls: true }, ['helo', 'tls', 'rest'], 'the session'],
  [{ to, ip: '192.0.2.7' }, ['ip', 'rest'], 'the address'],
  [{ to, headers: { subject: 'hello' } }, ['subject', 'bare', 'rest'], 'names in any case'],
  [
    { to, headers: { Cc: ['one@b.test', 'two@b.test'] } },
    ['cc', 'bare', 'rest'],
    'a field that is there twice',
  ],
  [{ to, size: 1000 }, ['bare', 'large', 'rest'], 'the size'],
  [{ to, attachments: [{ name: 'a.exe', type: 'a/b' }] }, ['exe', 'rest'], 'attachments'],
  [{ to, message: 'mails/a.eml' }, ['subject', 'exe', 'rest'], 'the octets of a file'],
  [
    { to, message: 'mails/a.eml', headers: { Subject: 'bye' }, attachments: [], size: 1000 },
    ['bare', 'large', 'rest'],
    'what is given stands for what the file says',
  ],
  [
    { to, verdicts: { spam: 'FAIL', spamScore: 7, dmarc: 'FAIL', dmarcPolicy: 'reject' } },
    ['bare', 'spam', 'score', 'policy', 'rest'],
    'verdicts',
  ],
]
test.for(cases)('given %j the rules %j match: %s', async ([given, matching]) => {
  const dir = dirWith([{ name: 'it', given, expect: { rules: [...matching] } }])
  write('mails/a.eml', mail, dir)
  expect(await checkExpectations(dir, config)).toEqual({ count: 1, held: 1, problems: [] })
})

test('the reply needs to begin as written only, and a step to have what is written', async () => {
  const given: Test['given'] = { to, verdicts: { spam: 'PASS', dmarc: 'PASS' } }
  const plan = [{ rule: 'bare' }, { target: 'inbox', action: 'S3Action', recipients: to }]
  const dir = dirWith([
    { name: 'begins', given: { to: ['x@b.test'] }, expect: { reply: '550 5.1.1' } },
    { name: 'steps', given, expect: { plan } },
  ])
  const { problems } = await checkExpectations(dir, config)
  // Nobody said whose mail it is: the rules over sender and address can not be decided.
  expect(problems).toEqual([])
})

test('an IP filter beside the rule set counts in its tests', async () => {
  const given = { to, ip: '203.0.113.1' }
  const reply = '550 5.7.1 IP address blacklisted by recipient: filter there'
  const dir = dirWith([{ name: 'there', given, expect: { disposition: 'reject', reply } }])
  const Cidr = '203.0.113.0/24'
  const filters = { Filters: [{ Name: 'there', IpFilter: { Policy: 'Block', Cidr } }] }
  write('filters.json', JSON.stringify(filters), dir)
  expect((await checkExpectations(dir, config)).problems).toEqual([])
})

test('tests of a rule set that can not be used are not run, its own problems say why', async () => {
  const dir = dirWith([])
  write('default.json', '{}', dir)
  expect(await checkExpectations(dir, config)).toEqual({ count: 0, held: 0, problems: [] })
})
