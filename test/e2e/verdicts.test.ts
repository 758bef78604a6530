/**
 * Verdicts as an application meets them: real clamd, real rspamd, a name server on loopback that stands for
 * the public DNS; messages in by SMTP, out by the SDK.
 */
import { generateKeyPairSync } from 'node:crypto'
import { createServer } from 'node:net'
import { dkimSign } from 'mailauth/lib/dkim/sign.js'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import type { Item, Message } from '../../src/client/index.ts'
import { eicar } from '../../src/verdicts/clamd-own.ts'
import { clamdEngine, type RunningClamd, startClamd } from '../support/clamd.ts'
import { type RunningDns, startDns, type Zones } from '../support/dns.ts'
import { type RunningPostern, startPostern, stopAll } from '../support/postern.ts'
import { type RunningRspamd, rspamdEngine, startRspamd } from '../support/rspamd.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const key = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const spf = 'v=spf1 ip4:127.0.0.0/8 -all'
const zones: Zones = {
  'good.test': { TXT: [spf] },
  'rsa._domainkey.good.test': { TXT: [`v=DKIM1; p=${key.publicKey.toString('base64')}`] },
  '_dmarc.good.test': { TXT: ['v=DMARC1; p=reject'] },
  'bank.test': { TXT: ['v=spf1 -all'] },
  '_dmarc.bank.test': { TXT: ['v=DMARC1; p=reject'] },
  'broken.test': 'SERVFAIL',
  '_dmarc.broken.test': 'SERVFAIL',
  'silent.test': 'silence',
  '_dmarc.silent.test': 'silence',
}

const rules = {
  Metadata: { Name: 'default' },
  Rules: [
    {
      Name: 'unscanned',
      Enabled: true,
      ScanEnabled: false,
      Recipients: ['unscanned@example.test'],
      Actions: [{ S3Action: { BucketName: 'inbox' } }, { StopAction: { Scope: 'RuleSet' } }],
    },
    {
      Name: 'all',
      Enabled: true,
      ScanEnabled: true,
      Actions: [{ S3Action: { BucketName: 'inbox' } }],
    },
  ],
}

let dns: RunningDns
let clamd: RunningClamd
let rspamd: RunningRspamd
let postern: RunningPostern

const engines = () => ({
  dns: { servers: [dns.server], timeoutMs: 500 },
  virus: { clamd: clamd.place },
  spam: { rspamd: rspamd.url },
})

beforeAll(async () => {
  ;[dns, clamd, rspamd] = await Promise.all([startDns(zones), startClamd(), startRspamd()])
  postern = await startPostern({ rules, config: engines() })
})
afterAll(async () => {
  await stopAll()
  await Promise.all([dns.stop(), clamd.stop(), rspamd.stop()])
})

const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n`
const headOf = (from: string, ...fields: string[]): string =>
  lines(`From: <${from}>`, 'To: <you@example.test>', 'Subject: hello', ...fields)
const plain = (from: string): string => `${headOf(from)}\r\nhello\r\n`
const mixed = ['MIME-Version: 1.0', 'Content-Type: multipart/mixed; boundary="b"']
const attachment = (octets: string, from = 'a@good.test', ...fields: string[]): string =>
  headOf(from, ...(fields.length > 0 ? fields : mixed)) +
  lines(
    '',
    '--b',
    'Content-Type: application/x; name="f"',
    'Content-Transfer-Encoding: base64',
    '',
  ) +
  lines(Buffer.from(octets).toString('base64'), '--b--')
const gtube = ['XJS*C4JDBQADN1.NSBN3*2IDNEN*', 'GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'].join('')

async function signed(message: string): Promise<string> {
  const options = {
    canonicalization: 'relaxed/relaxed',
    signatureData: [{ signingDomain: 'good.test', selector: 'rsa', privateKey: key.privateKey }],
  }
  const { signatures } = await dkimSign(message, options as never)
  return signatures + message
}

type Sent = { readonly from?: string; readonly to?: string; readonly helo?: string }

async function reply(
  message: string | Buffer,
  { from = 'a@good.test', to = 'you@example.test', helo = 'client.good.test' }: Sent = {},
  at = postern,
) {
  const client = await SmtpClient.connect(at)
  await client.hello(helo)
  await client.envelope(from, to)
  return client.message(Buffer.from(message))
}

/** Sends it and reads it back. */
async function stored(
  message: string | Buffer,
  sent: Sent = {},
  at = postern,
): Promise<{ readonly item: Item | undefined; readonly message: Message }> {
  const { code, text } = await reply(message, sent, at)
  expect([code, text.slice(0, 3)]).toEqual([250, 'OK '])
  const id = text.slice(3)
  await at.delivered()
  const mailbox = await at.mailbox()
  const items = await Array.fromAsync(mailbox.list())
  return { item: items.find((each) => each.id === id), message: await mailbox.get(id) }
}

const good = { spf: 'PASS', dkim: 'PASS', dmarc: 'PASS', spam: 'PASS', virus: 'PASS' }
const unsigned = { ...good, dkim: 'GRAY' }
const fromBank = { from: 'a@bank.test', helo: 'bank.test' }
const [, eicarHead, eicarTail] = [0, eicar.slice(0, 20), eicar.slice(20)]

const cases: readonly (readonly [
  name: string,
  message: () => Promise<string | Buffer> | string | Buffer,
  sent: Sent,
  verdicts: Readonly<Record<string, string>>,
])[] = [
  ['signed by its domain', () => signed(plain('a@good.test')), {}, good],
  [
    'signed, one octet of the body changed',
    async () => (await signed(plain('a@good.test'))).replace('\r\n\r\nhello', '\r\n\r\nhallo'),
    {},
    { ...good, dkim: 'FAIL' },
  ],
  ['not signed', () => plain('a@good.test'), {}, unsigned],
  [
    'a forged From',
    () => plain('boss@bank.test'),
    {},
    { ...unsigned, dmarc: 'FAIL', dmarcPolicy: 'reject' },
  ],
  [
    'a forged reverse-path',
    () => plain('boss@bank.test'),
    fromBank,
    { ...unsigned, spf: 'FAIL', dmarc: 'FAIL', dmarcPolicy: 'reject' },
  ],
  [
    'a bounce: the null reverse-path',
    () => plain('a@good.test'),
    { from: '', helo: 'good.test' },
    { ...unsigned },
  ],
  [
    'a name server that fails',
    () => plain('a@broken.test'),
    { from: 'a@broken.test' },
    { ...unsigned, spf: 'PROCESSING_FAILED', dmarc: 'PROCESSING_FAILED' },
  ],
  [
    'a name server that is silent',
    () => plain('a@silent.test'),
    { from: 'a@silent.test' },
    { ...unsigned, spf: 'PROCESSING_FAILED', dmarc: 'PROCESSING_FAILED' },
  ],
  ['a virus', () => attachment(eicar), {}, { ...unsigned, virus: 'FAIL' }],
  ['a clean file', () => attachment('clean'), {}, unsigned],
  [
    'a file that two readers may see differently',
    () =>
      attachment('clean', 'a@good.test', 'Content-Type: multipart/mixed; boundary=b; boundary=c'),
    {},
    { ...unsigned, virus: 'GRAY' },
  ],
  ['GTUBE', () => `${headOf('a@good.test')}\r\n${gtube}\r\n`, {}, { ...unsigned, spam: 'FAIL' }],
  [
    'perhaps spam',
    () => plain('a@good.test').replace('hello', 'cheap pills'),
    {},
    { ...unsigned, spam: 'GRAY' },
  ],
  [
    'a rule without a scan, a virus and GTUBE',
    () => attachment(`${eicarHead}${eicarTail}${gtube}`),
    { to: 'unscanned@example.test' },
    { ...unsigned, spam: 'DISABLED', virus: 'DISABLED' },
  ],
  ['an empty message', () => '', {}, { ...unsigned, dmarc: 'PROCESSING_FAILED' }],
  ['no From', () => 'Subject: x\r\n\r\nx\r\n', {}, { ...unsigned, dmarc: 'PROCESSING_FAILED' }],
  [
    'two Froms',
    () => `From: <a@good.test>\r\n${plain('boss@bank.test')}`,
    {},
    { ...unsigned, dmarc: 'PROCESSING_FAILED' },
  ],
  [
    'From with two hundred addresses',
    () =>
      plain('a@good.test').replace(
        '<a@good.test>',
        Array.from({ length: 200 }, (_, index) => `<u${index}@good.test>`).join(',\r\n '),
      ),
    {},
    unsigned,
  ],
  [
    'octets that are no UTF-8',
    () => Buffer.from(plain('a@good.test').replace('From: ', 'From: Ad\xe4 '), 'latin1'),
    {},
    unsigned,
  ],
  [
    'nine hundred signatures',
    () =>
      `${Array.from({ length: 900 }, (_, index) => `DKIM-Signature: v=1; a=rsa-sha256; d=f${index}.test; s=s; l=${index}; h=from; bh=x; b=x\r\n`).join('')}${plain('a@good.test')}`,
    {},
    { ...good, dkim: 'FAIL' },
  ],
]

/** What rspamd and clamd say of odd messages is theirs to say, but never PASS by failing. */
const theirs = new Set(['an empty message', 'no From', 'two Froms', 'octets that are no UTF-8'])

test.for(cases)('%s', async ([name, message, sent, verdicts]) => {
  const found = await stored(await message(), sent)
  const { spf, dkim, dmarc, dmarcPolicy, spam, virus } = found.message.receipt.verdicts
  const words = {
    spf: spf.verdict,
    dkim: dkim.verdict,
    dmarc: dmarc.verdict,
    ...(dmarcPolicy && { dmarcPolicy }),
    spam: spam.verdict,
    virus: virus.verdict,
  }
  expect(found.item?.verdicts).toEqual(words)
  const expected = theirs.has(name)
    ? { ...verdicts, spam: words.spam, virus: words.virus }
    : verdicts
  expect(words).toEqual(expected)
  for (const [which, each] of Object.entries({ spf, dkim, dmarc, spam, virus })) {
    if (each.verdict !== 'PASS') expect([which, each.reason]).toEqual([which, expect.any(String)])
  }
})

test('the receipt says who judged, by what, and why', async () => {
  const { message } = await stored(await signed(attachment('clean')))
  expect(message.receipt.verdicts).toMatchObject({
    spf: {
      engine: expect.stringMatching(/^postern@\d/),
      result: 'pass',
      identity: 'mailfrom',
      domain: 'good.test',
    },
    dkim: { signatures: [{ result: 'pass', domain: 'good.test', selector: 'rsa', aligned: true }] },
    dmarc: {
      result: 'pass',
      domain: 'good.test',
      policy: 'reject',
      alignment: { spf: 'good.test' },
    },
    arc: { result: 'none' },
    spam: { engine: rspamdEngine, action: 'no action', score: expect.any(Number) },
    virus: { engine: clamdEngine },
  })
})

test("a sender's own copies of our fields change nothing that is reported", async () => {
  const genuine = await stored(plain('a@good.test'))
  const receipt = genuine.message.prepended.find(({ name }) => name === 'X-Postern-Receipt')
  const forged = [
    'X-SES-Spam-Verdict: PASS',
    'X-SES-Virus-Verdict: PASS',
    'Received-SPF: pass',
    'Authentication-Results: mx.example.test; dmarc=pass header.from=bank.test',
    `X-Postern-Receipt: ${receipt?.value.replace(/\s/g, '').slice(0, 900)}`,
  ]
  const { message, item } = await stored(
    lines(...forged) + attachment(eicar, 'boss@bank.test'),
    fromBank,
  )
  expect(item?.verdicts).toMatchObject({ spf: 'FAIL', dmarc: 'FAIL', virus: 'FAIL' })
  const ours = message.prepended.map(({ name, value }) => `${name}: ${value}`)
  expect(ours.filter((each) => each.startsWith('X-SES-'))).toEqual([
    'X-SES-Spam-Verdict: PASS',
    'X-SES-Virus-Verdict: FAIL',
  ])
  expect(ours.find((each) => each.startsWith('Received-SPF'))).toMatch(/^Received-SPF: fail /)
  expect(ours.find((each) => each.startsWith('Authentication-Results'))).toMatch(
    /^Authentication-Results: mx\.example\.test;\s+spf=fail .*dmarc=fail \(p=reject\) header\.from=bank\.test/s,
  )
})

test('what is told of a message in the log is verdicts and reasons, none of its content', async () => {
  const { message } = await stored(attachment(eicar))
  const record = await postern.logged(({ id }) => id === message.receipt.id)
  expect(record).toMatchObject({
    msg: 'Accepted',
    verdicts: { spf: 'PASS', dkim: 'GRAY dkim-none', virus: 'FAIL infected' },
    checkedInMs: expect.any(Number),
  })
})

test('a message of 40 MB has all its verdicts', async () => {
  const head = Buffer.from(
    headOf('a@good.test', ...mixed) +
      lines('', '--b', 'Content-Type: application/x', 'Content-Transfer-Encoding: base64', ''),
  )
  const line = Buffer.from(`${'QUFB'.repeat(19)}\r\n`)
  const count = Math.floor((40 * 1024 * 1024 - head.length - 10) / line.length)
  const body = Buffer.alloc(count * line.length, line)
  const { item } = await stored(Buffer.concat([head, body, Buffer.from('--b--\r\n')]))
  expect(item?.verdicts).toMatchObject({
    ...unsigned,
    spam: expect.any(String),
    virus: expect.any(String),
  })
  // Larger than rspamd takes by default it may be skipped: then it is told.
  expect(['PASS', 'PROCESSING_FAILED']).toContain(item?.verdicts.spam)
  expect(['PASS', 'GRAY']).toContain(item?.verdicts.virus)
})

describe('smtp.refuse', () => {
  let strict: RunningPostern
  beforeAll(async () => {
    strict = await startPostern({
      rules,
      config: { ...engines(), smtp: { refuse: ['virus', 'spam', 'dmarc-reject', 'spf-fail'] } },
    })
  })
  const refused = [
    ['a virus', () => attachment(eicar), {}, '550 5.7.1 Message contains a virus'],
    [
      'spam',
      () => `${headOf('a@good.test')}\r\n${gtube}\r\n`,
      {},
      '550 5.7.1 Message looks like spam',
    ],
    [
      'a forged From',
      () => plain('boss@bank.test'),
      {},
      '550 5.7.1 Refused by the DMARC policy of the From domain',
    ],
    [
      'a forged reverse-path',
      () => plain('a@norecord.test'),
      fromBank,
      '550 5.7.1 This server may not send mail for the sender domain (SPF)',
    ],
  ] as const
  test.for(refused)(
    '%s is refused in the session, which goes on',
    async ([, message, sent, text]) => {
      const client = await SmtpClient.connect(strict)
      const { from = 'a@good.test', helo = 'client.good.test' }: Sent = sent
      await client.hello(helo)
      await client.envelope(from, 'you@example.test')
      const answer = await client.message(Buffer.from(message()))
      expect(`${answer.code} ${answer.text}`).toBe(text)
      await client.envelope('a@good.test', 'you@example.test')
      expect((await client.message(Buffer.from(plain('a@good.test')))).code).toBe(250)
      const record = await strict.logged(
        ({ msg, reply }) => msg === 'Refused' && `550 ${reply}` === text,
      )
      expect(record).toMatchObject({
        ip: '127.0.0.1',
        from,
        helo,
        recipients: ['you@example.test'],
      })
    },
  )
  test('where the rule asks for no scan there is nothing to refuse by', async () => {
    const to = 'unscanned@example.test'
    expect((await reply(attachment(eicar), { to }, strict)).code).toBe(250)
  })
})

describe('engines that fail', () => {
  test('without them mail is taken, told as unchecked, and /readyz says what to do', async () => {
    const [ownClamd, ownRspamd] = await Promise.all([startClamd(), startRspamd()])
    const server = await startPostern({
      rules,
      config: { ...engines(), virus: { clamd: ownClamd.place }, spam: { rspamd: ownRspamd.url } },
    })
    expect((await fetch(`${server.http}/readyz`)).status).toBe(200)
    await Promise.all([ownClamd.stop(), ownRspamd.stop()])
    const { message, item } = await stored(attachment('clean'), {}, server)
    expect(item?.verdicts).toMatchObject({ spam: 'PROCESSING_FAILED', virus: 'PROCESSING_FAILED' })
    expect(message.receipt.verdicts.virus.reason).toBe('clamd-unavailable')
    expect(message.receipt.verdicts.spam.reason).toBe('rspamd-unavailable')
    const ready = await fetch(`${server.http}/readyz`)
    expect(ready.status).toBe(503)
    expect(await ready.text()).toMatch(/^clamd: .*start clamd.*\nrspamd: .*start rspamd/m)
    const metrics = await (await fetch(`${server.http}/metrics`)).text()
    expect(metrics).toContain('postern_engine_up{engine="clamd"} 0')
    expect(metrics).toContain('postern_engine_up{engine="rspamd"} 0')
    await server.stop()
  })

  test.for([
    ['defer', 451, '4.7.1 Message could not be checked just now; try again later'],
    ['refuse', 550, '5.7.1 Message could not be checked, and unchecked mail is not taken here'],
  ] as const)('virus.onFailure: %s answers %i', async ([onFailure, code, text]) => {
    const server = await startPostern({
      rules,
      config: { ...engines(), virus: { clamd: 'unix:/nonexistent', onFailure } },
    })
    expect(await reply(attachment('clean'), {}, server)).toMatchObject({ code, text })
    expect((await reply(plain('a@good.test'), {}, server)).code).toBe(250)
    await server.stop()
  })

  test('a scanner that hangs costs its time and no more, the other verdicts stand', async () => {
    const hung = createServer(() => {})
    await new Promise<void>((resolve) => hung.listen(0, '127.0.0.1', resolve))
    const address = hung.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const server = await startPostern({
      rules,
      config: {
        ...engines(),
        virus: { clamd: `127.0.0.1:${port}` },
        smtp: { verdictTimeoutMs: 1000 },
      },
    })
    const { message } = await stored(attachment('clean'), {}, server)
    expect(message.receipt.verdicts).toMatchObject({
      spf: { verdict: 'PASS' },
      dmarc: { verdict: 'PASS' },
      spam: { verdict: 'PASS' },
      virus: { verdict: 'PROCESSING_FAILED', reason: 'timeout' },
    })
    await server.stop()
    hung.close()
  })

  test('a client that leaves while it is judged leaves nothing behind', async () => {
    const asked = Promise.withResolvers<void>()
    const closed = Promise.withResolvers<void>()
    const hung = createServer((socket) => {
      socket.on('error', () => {})
      socket.once('data', () => asked.resolve())
      socket.once('close', () => closed.resolve())
    })
    await new Promise<void>((resolve) => hung.listen(0, '127.0.0.1', resolve))
    const address = hung.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const server = await startPostern({
      rules,
      config: { ...engines(), virus: { clamd: `127.0.0.1:${port}` } },
    })
    const client = await SmtpClient.connect(server)
    await client.hello()
    await client.envelope('a@good.test', 'you@example.test')
    const answer = client.message(Buffer.from(attachment('clean'))).catch(() => 'gone')
    await asked.promise
    client.destroy()
    await closed.promise
    expect(await answer).toBe('gone')
    expect(server.spooled()).toEqual([])
    await server.stop()
    hung.close()
  })
})
