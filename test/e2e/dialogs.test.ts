/** SMTP as it is spoken: every file of dialogs/ is played against one real Postern. D§8 "SMTP replies" */
import { globSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { playDialog } from '../support/dialog.ts'
import { type RunningPostern, startPostern, stopAll } from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const directory = join(import.meta.dirname, 'dialogs')
const files = globSync('*.smtp', { cwd: directory }).sort()

const store = [{ S3Action: { BucketName: 'inbox' } }]
const rules = {
  Metadata: { Name: 'default' },
  Rules: [
    {
      Name: 'secure',
      Enabled: true,
      TlsPolicy: 'Require',
      Recipients: ['secure@example.com'],
      Actions: store,
    },
    {
      Name: 'all',
      Enabled: true,
      Recipients: ['example.test', '.example.test', 'relay@example.net'],
      Actions: store,
    },
  ],
}
/** As small as they may be, so that the files can reach them. */
const smtp = {
  listen: ['127.0.0.1:0'],
  maxRecipients: 100,
  maxMessageBytes: 8192,
  maxHeaderLines: 50,
  maxHops: 10,
  maxLineBytes: 998,
  limits: { maxErrors: 50, maxIdleCommands: 200, maxMessagesPerSession: 30, maxLagMs: 60_000 },
}

let postern: RunningPostern
const accepted: string[] = []

beforeAll(async () => {
  postern = await startPostern({ rules, config: { smtp } })
})
afterAll(stopAll)

test.for(files.map((file) => basename(file, '.smtp')))('the dialogue %s', async (name) => {
  const text = readFileSync(join(directory, `${name}.smtp`), 'utf8')
  expect(text.split('\n')[0], 'the rule and its source').toMatch(/^# \S.*/)
  accepted.push(...(await playDialog(text, postern)))
})

describe('addresses reach the envelope as they came', () => {
  const cases = [
    [
      '<"a b"@example.test>',
      '"a b"@example.test',
      'RFC 5321 §4.1.2: quotes belong to the local part',
    ],
    ['<"a\\"b\\\\c"@example.test>', '"a\\"b\\\\c"@example.test', 'quoted pairs, too'],
    [
      '<"victim@example.org"@example.test>',
      '"victim@example.org"@example.test',
      'an @ in quotes names no domain',
    ],
    [
      '<victim%example.org@example.test>',
      'victim%example.org@example.test',
      'a % means nothing (RFC 5321 §7.8)',
    ],
    [
      '<@b.example.org:you@example.test>',
      'you@example.test',
      'RFC 5321 §3.3: a source route is dropped',
    ],
    [
      '<You+Tag@Example.Test>',
      'You+Tag@Example.Test',
      'RFC 5321 §2.4: case is the local part’s affair',
    ],
    ['<用户@example.test>', '用户@example.test', 'RFC 6531'],
    ['<postmaster>', 'postmaster@mx.example.test', 'RFC 5321 §4.1.1.3: this server’s'],
    [`<${'l'.repeat(64)}@example.test>`, `${'l'.repeat(64)}@example.test`, '§4.5.3.1.1: 64 octets'],
  ] as const
  test.for(cases)('RCPT TO:%s is %s: %s', async ([path, address]) => {
    const client = await SmtpClient.connect(postern)
    await client.hello()
    await client.command('MAIL FROM:<"se nder"@example.test> SMTPUTF8')
    expect((await client.command(`RCPT TO:${path}`)).code).toBe(250)
    await client.command('DATA')
    const { text } = await client.message(Buffer.from('Subject: s\r\n'))
    accepted.push(text.slice(3))
    await client.quit()
    await postern.delivered()
    const { receipt } = await (await postern.mailbox()).get(text.slice(3))
    expect(receipt).toMatchObject({
      recipients: [address],
      envelope: { recipients: [address], reversePath: '"se nder"@example.test' },
    })
  })
})

test('the store holds one message for each 250 OK of the dialogues and none more', async () => {
  await postern.delivered()
  const keys: string[] = []
  for await (const { key } of (await postern.mailbox()).list()) keys.push(key)
  expect(keys).toEqual(accepted.toSorted())
})

test('no dialogue made the server log an error', () => {
  const errors = postern.logs().filter(({ level }) => level === 'error' || level === 'fatal')
  expect(errors).toEqual([])
})
