/**
 * D§2.6: what a stranger writes, wherever SMTP lets text stand, comes into no log as a control character,
 * and what a message says comes into neither the log nor Redis, whatever fails on the way.
 */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { startDns } from '../support/dns.ts'
import { freePort } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { SmtpClient } from '../support/smtp-client.ts'
import { webhookSecret } from '../support/targets.ts'

vi.setConfig({ testTimeout: 240_000 })

/** Escape sequences, C1, turned direction, separators, a forged record: each in one text. */
const hostile = '\x1b[31mred\x9b2J\x07\b\x7f\u202egnp\u2066\u2028{"level":"fatal"}'
const controls = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/
/** Stands in the subject, the body, every field and every name of an attachment. */
const secret = 'Zq7marker'

/** As octets, once in UTF-8 and once as it would be in Latin-1. */
const both = (text: string): Buffer[] => [Buffer.from(text), Buffer.from(text, 'latin1')]

const messages = [
  // why, header fields and body
  [
    'fields that checks read',
    [
      `From: "${secret}${hostile}" <ann@sender.test>`,
      `Subject: ${secret} ${hostile}`,
      `DKIM-Signature: v=1; a=rsa-sha256; d=${hostile}.test; s=${hostile}; h=from; bh=${secret}; b=AAAA`,
      `DKIM-Signature: v=1; a=${hostile}; d=sender.test; s=s; i=${hostile}@sender.test; h=from; bh=AAAA; b=AAAA`,
      `ARC-Seal: i=1; a=rsa-sha256; cv=${hostile}; d=sender.test; s=s; b=AAAA`,
      `ARC-Message-Signature: i=1; a=rsa-sha256; d=${hostile}; s=s; h=from; bh=AAAA; b=AAAA`,
      `ARC-Authentication-Results: i=1; ${hostile}; dmarc=pass`,
      `Authentication-Results: mx.example.test; dmarc=pass ${hostile}`,
      '',
      secret,
    ],
  ],
  [
    'an attachment',
    [
      'From: ann@sender.test',
      'Content-Type: multipart/mixed; boundary="b"',
      '',
      '--b',
      `Content-Type: application/${hostile}; name="${secret}${hostile}.exe"`,
      `Content-Disposition: attachment; filename="${secret}${hostile}"`,
      `Content-Transfer-Encoding: ${hostile}`,
      '',
      secret,
      '--b--',
    ],
  ],
  [
    'two authors',
    [`From: ${secret}${hostile}@a.test, b@sender.test`, `From: ${hostile}`, '', secret],
  ],
  ['no author', [`Subject: ${secret}`, `${secret}${hostile}`, '', secret]],
  ['loops', [...Array.from({ length: 120 }, () => `Received: by ${secret}${hostile}`), '', secret]],
  ['a NUL', ['From: ann@sender.test', '', `${secret}\0`]],
] as const

const reverse = [
  `"${hostile}"@sender.test`,
  `${hostile}@sender.test`,
  `ann@${hostile}.test`,
  'ann@sender.test',
]
const recipients = [
  `"${hostile}"@example.test`,
  `x+${hostile}@example.test`,
  `nobody@${hostile}.example.net`,
  'you@example.test',
  'doomed@example.test',
]

let postern: RunningPostern
let dns: Awaited<ReturnType<typeof startDns>>

beforeAll(async () => {
  const nowhere = await freePort()
  dns = await startDns({
    'sender.test': { TXT: [`v=spf1 include:${hostile}.test exists:%{l}.sender.test ${hostile}`] },
    '_dmarc.sender.test': { TXT: [`v=DMARC1; p=${hostile}; rua=${hostile}`] },
    's._domainkey.sender.test': { TXT: [`v=DKIM1; k=${hostile}; p=${hostile}`] },
  })
  postern = await startPostern({
    config: {
      log: { level: 'debug', format: 'json' },
      dns: { servers: [dns.server] },
      virus: { clamd: `127.0.0.1:${nowhere}` },
      spam: { rspamd: `http://127.0.0.1:${nowhere}` },
      delivery: { retrySeconds: 1 },
      resources: {
        webhooks: { nowhere: { url: `http://127.0.0.1:${nowhere}/`, secret: webhookSecret } },
      },
    },
    rules: {
      Metadata: { Name: 'default' },
      Rules: [
        {
          Name: 'doomed',
          Enabled: true,
          ScanEnabled: true,
          Recipients: ['doomed@example.test'],
          Actions: [{ WebhookAction: { Endpoint: 'nowhere', Content: 'UTF-8' } }],
        },
        {
          Name: 'all',
          Enabled: true,
          ScanEnabled: true,
          Actions: [
            { AddHeaderAction: { HeaderName: 'X-Seen', HeaderValue: 'yes' } },
            { S3Action: { BucketName: 'inbox' } },
          ],
        },
      ],
    },
  })
})
afterAll(async () => {
  await stopAll()
  await dns.stop()
})

/** Says each line and goes on whatever is answered, on a new connection where the server has closed. */
async function dialogue(lines: readonly (string | Buffer)[]): Promise<number[]> {
  const codes: number[] = []
  const client = await SmtpClient.connect(postern)
  try {
    await client.reply()
    for (const line of lines) {
      client.write(line)
      client.write('\r\n')
      codes.push((await client.reply()).code)
    }
    await client.quit()
  } catch {
    // It was told 421, or the line was too much: that is an answer, too.
  }
  return codes
}

test('no log record holds a control character, and none says what was not ours to say', async () => {
  for (const octets of both(hostile)) {
    await dialogue([Buffer.concat([Buffer.from('EHLO '), octets]), 'MAIL FROM:<a@sender.test>'])
    await dialogue([Buffer.concat([Buffer.from('HELO x'), octets, Buffer.from('.test')]), 'NOOP'])
    await dialogue([octets, Buffer.concat([Buffer.from('VRFY '), octets]), 'RSET'])
  }
  await dialogue(['EHLO a', `MAIL FROM:<a@sender.test> SIZE=${hostile} X-${hostile}=${hostile}`])
  for (const from of reverse) {
    for (const octets of both(from)) {
      const mail = Buffer.concat([Buffer.from('MAIL FROM:<'), octets, Buffer.from('> SMTPUTF8')])
      const rcpt = recipients
        .flatMap(both)
        .map((to) => Buffer.concat([Buffer.from('RCPT TO:<'), to, Buffer.from('>')]))
      await dialogue(['EHLO client.test', mail, ...rcpt])
    }
  }
  const taken: string[] = []
  for (const [why, lines] of messages) {
    for (const octets of both(`${lines.join('\r\n')}\r\n.`)) {
      const codes = await dialogue([
        `EHLO client.test`,
        'MAIL FROM:<ann@sender.test> SMTPUTF8',
        ...recipients.slice(-2).map((to) => `RCPT TO:<${to}>`),
        'DATA',
        octets,
      ])
      if (codes.at(-1) === 250) taken.push(why)
    }
  }
  expect(new Set(taken)).toEqual(
    new Set(['fields that checks read', 'an attachment', 'two authors', 'no author']),
  )
  await until(() => postern.spooled().length === 0 && postern.dead().length === taken.length)

  const log = postern.stderr()
  const lines = log.split('\n').filter((line) => line !== '')
  expect(lines.filter((line) => controls.test(line))).toEqual([])
  // One record a line, none of them forged: JSON that ends where its line does.
  expect(lines.map((line) => JSON.parse(line) as object).length).toBe(postern.logs().length)
  expect(postern.logs().filter(({ level }) => level === 'fatal')).toEqual([])
  expect(lines.filter((line) => line.includes(secret))).toEqual([])
})

test('Redis has never been told more than ids', () => {
  const files = globSync('redis/appendonlydir/*.aof', { cwd: postern.dataDir })
  expect(files.length).toBeGreaterThan(0)
  const told = files.map((name) => readFileSync(join(postern.dataDir, name), 'latin1')).join('')
  const [id = ''] = postern.dead()
  expect(told).toContain(id)
  for (const word of [secret, 'sender.test', 'you@', 'doomed', 'Subject']) {
    expect(told).not.toContain(word)
  }
})
