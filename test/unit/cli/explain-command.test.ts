/** `postern explain`: what its options, a file and a message kept here say. */
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { Spool } from '../../../src/spool/spool.ts'
import { restOfRecord } from '../../support/record.ts'
import { newHome } from './support.ts'

const rules = JSON.stringify({
  Metadata: { Name: 'default' },
  Rules: [
    rule('spam', { VerdictExpression: spec('SPAM', 'FAIL') }),
    rule('picture', { StringExpression: spec('ATTACHMENT_NAME', 'a.png') }),
    rule('boss', { StringExpression: spec('MAIL_FROM', 'boss@example.test') }),
    rule('tls', { BooleanExpression: { Evaluate: { Attribute: 'TLS' }, Operator: 'IS_TRUE' } }),
    rule('rest'),
  ],
})

function spec(Attribute: string, value: string): object {
  return { Evaluate: { Attribute }, Operator: 'EQUALS', Values: [value] }
}
function rule(Name: string, condition?: object): object {
  const Actions = [{ S3Action: { BucketName: Name } }]
  const Conditions = condition === undefined ? [] : [condition]
  return { Name, Enabled: true, ScanEnabled: true, Conditions, Actions }
}

const mail = [
  'Subject: hello',
  'Content-Type: image/png',
  'Content-Disposition: attachment; filename=a.png',
  '',
  'picture',
  '',
].join('\r\n')

function home() {
  const made = newHome('domains: [example.test]\n')
  made.write('rules/default.json', rules)
  return made
}

const names = (told: Record<string, unknown>) =>
  (told['rules'] as { name: string; matched: boolean }[])
    .filter(({ matched }) => matched)
    .map(({ name }) => name)

async function told(at: ReturnType<typeof home>, ...args: string[]) {
  const ran = await at.run('explain', ...args, '--json')
  expect(ran.error).toBeUndefined()
  return JSON.parse(ran.out.toString()) as Record<string, unknown>
}

test('a file is the message, octets as they are, and the options are its envelope', async () => {
  const at = home()
  const file = at.write('a.eml', mail)
  const given = ['--to', 'you@example.test', '--message', file]
  expect(names(await told(at, ...given))).toEqual(['picture', 'rest'])
  const more = ['--from', 'boss@example.test', '--tls', '--verdict', 'spam=fail', 'spam-score=9']
  expect(names(await told(at, ...given, ...more))).toEqual([
    ...['spam', 'picture', 'boss', 'tls', 'rest'],
  ])
})

async function keep(path: string): Promise<string> {
  const spool = new Spool(join(path, 'data'))
  const draft = spool.receive(1 << 20)
  draft.write(Buffer.from(mail))
  const rest = restOfRecord()
  const tls = { version: 'TLSv1.3', cipher: 'x' }
  const verdicts = { ...rest.verdicts, spam: { verdict: 'FAIL' as const } }
  await draft.commit({ ...rest, envelope: { ...rest.envelope, tls }, verdicts }, () => true)
  spool.close()
  return rest.id
}

test('an id stands for the envelope, verdicts and octets kept under it; options override', async () => {
  const at = home()
  const id = await keep(at.path)
  expect(names(await told(at, id))).toEqual(['spam', 'picture', 'tls', 'rest'])
  const other = ['--no-tls', '--verdict', 'spam=PASS', '--from', 'boss@example.test']
  expect(names(await told(at, id, ...other))).toEqual(['picture', 'boss', 'rest'])
  const spool = new Spool(join(at.path, 'data'))
  await spool.bury(id, await spool.progress(id))
  spool.close()
  expect(names(await told(at, id))).toEqual(['spam', 'picture', 'tls', 'rest'])
})

const wrong = [
  // arguments, message, why
  [['--to', 'a@b.test', '--verdict', 'spf'], /spf must be PASS, FAIL, GRAY/, 'no value'],
  [['--to', 'a@b.test', '--verdict', 'arc=PASS'], /"arc" is no verdict; known are/, 'no name'],
  [['--to', 'a@b.test', '--verdict', 'spam-score=9'], /spam-score needs spam/, 'no verdict'],
  [['--to', 'a@b.test', '--verdict', 'spam-score=x'], /must be a number/, 'no number'],
  [['--to', 'a@b.test', '--verdict', 'dmarc-policy=x'], /must be none, quarantine/, 'no policy'],
  [['--to', 'a@b.test', '--message', '/nonexistent'], /--message: .* cannot be read/, 'no file'],
  [['xyz'], /"xyz" is no id of a message/, 'no id'],
  [[`${'0'.repeat(39)}1`], /is neither in the spool nor among the dead letters/, 'not here'],
] as const
test.for(wrong)('%j is refused: %s: %s', async ([args, message]) => {
  const { error, out } = await home().run('explain', ...args)
  expect(String(error)).toMatch(message)
  expect(out.toString()).toBe('')
})

test('without recipients and id it says what to give', async () => {
  const { error } = await home().run('explain')
  expect(String(error)).toContain('give recipients with --to, or the id of a message')
})
