/** DKIM: what verifies, what does not, and what a message full of signatures may cost. */
import { execFileSync } from 'node:child_process'
import { createPrivateKey, generateKeyPairSync } from 'node:crypto'
import fc from 'fast-check'
import { dkimSign } from 'mailauth/lib/dkim/sign.js'
import { expect, test } from 'vitest'
import type { DkimSignature } from '../../../src/mail/verdict.ts'
import { type AlignedSignature, judgeDkim } from '../../../src/verdicts/authenticated.ts'
import * as rfc8463 from '../../support/rfc8463.ts'
import { cut } from '../../support/splits.ts'
import { type Asked, authenticated, captured, served } from './auth-support.ts'

const rsa = (bits: number) =>
  generateKeyPairSync('rsa', {
    modulusLength: bits,
    publicKeyEncoding: { type: 'spki', format: 'der' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
const strong = rsa(2048)
const weak = rsa(512)
const ed25519 = generateKeyPairSync('ed25519')
const rawEd25519 = ed25519.publicKey.export({ type: 'spki', format: 'der' }).subarray(12)
const recordOf = (key: Buffer) => `v=DKIM1; k=rsa; p=${key.toString('base64')}`

const zones = {
  'rsa._domainkey.example.test': { TXT: [recordOf(strong.publicKey)] },
  'weak._domainkey.example.test': { TXT: [recordOf(weak.publicKey)] },
  'ed._domainkey.example.test': {
    TXT: [`v=DKIM1; k=ed25519; p=${rawEd25519.toString('base64')}`],
  },
  'rsa._domainkey.other.test': { TXT: [recordOf(strong.publicKey)] },
  'gone._domainkey.example.test': { TXT: ['v=DKIM1; k=rsa; p='] },
  'fails._domainkey.example.test': 'SERVFAIL',
  'silent._domainkey.example.test': 'silence',
  ...Object.fromEntries(
    Object.entries(rfc8463.keys).map(([name, record]) => [name, { TXT: [record] }]),
  ),
  'long._domainkey.example.test': { TXT: [`${recordOf(strong.publicKey)}; n=${'x'.repeat(9000)}`] },
} as const

const names = served(zones)

const plain = [
  'From: Ada <ada@example.test>',
  'To: you@here.test',
  'Subject: =?utf-8?q?gr=C3=BC=C3=9Fe?=',
  'Date: Mon, 02 Mar 2026 09:15:27 +0000',
  'Message-ID: <1@example.test>',
  '',
  'Hello,  world \t',
  '',
  'last line',
  '',
  '',
].join('\r\n')

type Signing = {
  readonly domain?: string
  readonly selector?: string
  readonly privateKey?: string
  readonly canonicalization?: string
  readonly maxBodyLength?: number
}

async function signed(message: string, signing: Signing = {}): Promise<string> {
  const { domain = 'example.test', selector = 'rsa', privateKey = strong.privateKey } = signing
  const options = {
    canonicalization: signing.canonicalization ?? 'relaxed/relaxed',
    signatureData: [
      {
        signingDomain: domain,
        selector,
        privateKey,
        ...(signing.maxBodyLength === undefined ? {} : { maxBodyLength: signing.maxBodyLength }),
      },
    ],
  }
  // Its types want what `signatureData` holds once more.
  const { signatures } = await dkimSign(message, options as never)
  return signatures + message
}

const dkimOf = async (message: string | Buffer, asked: Asked = {}) =>
  (await authenticated(message, names.dns, asked)).dkim

test.for(['relaxed/relaxed', 'simple/simple', 'relaxed/simple'])(
  'RSA and Ed25519, %s: good is PASS, with one octet of the body changed FAIL',
  async (canonicalization) => {
    const key = ed25519.privateKey.export({ type: 'pkcs8', format: 'pem' }) as string
    for (const signing of [{}, { selector: 'ed', privateKey: key }]) {
      const message = await signed(plain, { canonicalization, ...signing })
      expect(await dkimOf(message)).toMatchObject({
        verdict: 'PASS',
        engine: expect.stringMatching(/^postern@\d/),
        signatures: [{ result: 'pass', domain: 'example.test', aligned: true }],
      })
      expect(await dkimOf(message.replace('last line', 'lost line'))).toMatchObject({
        verdict: 'FAIL',
        reason: 'dkim-fail',
      })
      expect(await dkimOf(message.replace('Ada <', 'Eve <'))).toMatchObject({ verdict: 'FAIL' })
    }
  },
)

/** Debian's python3-dkim: another implementation signs, ours verifies. */
function signedByDkimpy(message: string): string {
  const script = `
import sys, dkim
message = sys.stdin.buffer.read()
sys.stdout.buffer.write(dkim.sign(message, b'rsa', b'example.test', sys.argv[1].encode(), canonicalize=(b'relaxed', b'simple')))
`
  const signature = execFileSync('/usr/bin/python3', ['-c', script, pkcs1()], { input: message })
  return signature.toString('latin1') + message
}

/** The form of key that dkimpy reads. */
function pkcs1(): string {
  return createPrivateKey(strong.privateKey).export({ type: 'pkcs1', format: 'pem' }).toString()
}

test('what dkimpy signs is PASS, and FAIL with one octet changed', async () => {
  const message = signedByDkimpy(plain)
  expect(await dkimOf(message)).toMatchObject({ verdict: 'PASS' })
  expect(await dkimOf(message.replace('Hello', 'Hallo'))).toMatchObject({ verdict: 'FAIL' })
})

test('the message of RFC 8463 §A has two valid signatures', async () => {
  const { signatures } = await dkimOf(
    `${rfc8463.ed25519}\r\n${rfc8463.rsa}\r\n${rfc8463.head}\r\n\r\n${rfc8463.body}`,
  )
  expect(signatures).toMatchObject([
    { result: 'pass', algorithm: 'ed25519-sha256', identity: '@football.example.com' },
    { result: 'pass', algorithm: 'rsa-sha256', keyBits: 1024 },
  ])
})

test('octets that are no UTF-8 are verified as they came (pitfalls P1)', async () => {
  const latin1 = Buffer.from(plain.replace('world', 'w\xf6rld').replace('Ada', 'Ad\xe4'), 'latin1')
  const script =
    "import sys, dkim; m=sys.stdin.buffer.read(); sys.stdout.buffer.write(dkim.sign(m, b'rsa', b'example.test', sys.argv[1].encode())+m)"
  const message = execFileSync('/usr/bin/python3', ['-c', script, pkcs1()], {
    input: latin1,
  })
  expect(await dkimOf(message)).toMatchObject({ verdict: 'PASS' })
})

const troubles = [
  // selector, verdict, reason, why
  ['weak', 'GRAY', 'dkim-policy', 'a key of 512 bits proves nothing (RFC 8301 §3.2)'],
  ['nokey', 'GRAY', 'dkim-neutral', 'there is no key: as if it were not signed (RFC 6376 §6.1.2)'],
  ['gone', 'GRAY', 'dkim-neutral', 'the key was revoked'],
  ['fails', 'PROCESSING_FAILED', 'dkim-temperror', 'the name server fails'],
  ['silent', 'PROCESSING_FAILED', 'dkim-temperror', 'the name server does not answer'],
  ['long', 'PASS', undefined, 'a record of ten thousand octets'],
] as const

test.for(troubles)('selector %s is %s %s: %s', async ([selector, verdict, reason]) => {
  const privateKey = selector === 'weak' ? weak.privateKey : strong.privateKey
  const found = await dkimOf(await signed(plain, { selector, privateKey }))
  expect([found.verdict, found.reason]).toEqual([verdict, reason])
})

test('a signature of another domain alone is GRAY (SES)', async () => {
  const message = await signed(plain, { domain: 'other.test' })
  expect(await dkimOf(message)).toMatchObject({
    verdict: 'GRAY',
    reason: 'dkim-not-aligned',
    signatures: [{ result: 'pass', aligned: false }],
  })
})

test('a signature of the first octets of a body is never PASS: anybody may add the rest', async () => {
  const message = await signed(plain, { maxBodyLength: 5 })
  const whole = await authenticated(message, names.dns)
  expect(whole.dkim).toMatchObject({ verdict: 'GRAY', reason: 'dkim-partial-body' })
  expect(whole.dkim.signatures?.[0]?.bodyLength?.signed).toBe(5)
})

test('an unsigned message is GRAY', async () => {
  expect(await dkimOf(plain)).toMatchObject({
    verdict: 'GRAY',
    reason: 'dkim-none',
    signatures: [],
  })
})

test('the verdict does not depend on how the octets come (pitfalls P40)', async () => {
  const message = Buffer.from(await signed(plain, { canonicalization: 'relaxed/relaxed' }))
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.integer({ min: 1, max: message.length - 1 }), { maxLength: 8 }),
      async (cuts) => {
        const found = await authenticated(captured(message, cut(message, cuts)), names.dns)
        expect(found.dkim.verdict).toBe('PASS')
      },
    ),
    { numRuns: 60 },
  )
})

test('of a thousand signatures only the first few are looked at (pitfalls P47)', async () => {
  const good = await signed(plain)
  const field = (index: number): string =>
    `DKIM-Signature: v=1; a=rsa-sha256; c=relaxed/relaxed; d=flood.test; s=s${index}; l=${index}; h=from; bh=x; b=x\r\n`
  const flood = Array.from({ length: 999 }, (_, index) => field(index)).join('')
  names.server.questions.length = 0
  const last = await dkimOf(flood + good, { helo: '[192.0.2.1]' })
  expect(last.signatures).toHaveLength(10)
  expect(last.unverified).toBe(990)
  expect(last.verdict).not.toBe('PASS')
  expect(names.server.questions.length).toBeLessThan(20)
  const first = await dkimOf(`${good.slice(0, good.indexOf('From:'))}${flood}${plain}`)
  expect(first).toMatchObject({ verdict: 'PASS', unverified: 990 })
})

const signature = (result: DkimSignature['result'], aligned: boolean, limit?: number) =>
  ({
    domain: 'example.test',
    selector: 's',
    identity: '@example.test',
    algorithm: 'rsa-sha256',
    result,
    aligned,
    ...(limit === undefined ? {} : { body: { signed: limit, total: 100 } }),
  }) satisfies AlignedSignature

const rows = [
  // signatures, verdict, reason, why
  [[], 'GRAY', 'dkim-none', 'not signed'],
  [[signature('pass', true)], 'PASS', undefined, 'valid and aligned'],
  [[signature('fail', true), signature('pass', true)], 'PASS', undefined, 'one good one is enough'],
  [[signature('pass', true, 100)], 'PASS', undefined, 'l= that covers the whole body'],
  [[signature('pass', true, 99)], 'GRAY', 'dkim-partial-body', 'l= that does not'],
  [
    [signature('fail', true), signature('temperror', true)],
    'PROCESSING_FAILED',
    'dkim-temperror',
    'it might have been good',
  ],
  [
    [signature('fail', true), signature('pass', false)],
    'FAIL',
    'dkim-fail',
    'a mailing list broke it',
  ],
  [
    [signature('fail', false), signature('pass', false)],
    'GRAY',
    'dkim-not-aligned',
    'valid, of somebody else',
  ],
  [[signature('permerror', false)], 'GRAY', 'dkim-neutral', 'SES: unaligned permerror is GRAY'],
  [[signature('fail', false)], 'FAIL', 'dkim-fail', 'invalid (SES)'],
  [[signature('policy', true)], 'GRAY', 'dkim-policy', 'too weak to count'],
  [[signature('neutral', true)], 'GRAY', 'dkim-neutral', 'malformed: as if it were not there'],
] as const

test.for(rows)('%j is %s %s: %s', ([results, verdict, reason]) => {
  const found = judgeDkim(results, 0)
  expect([found.verdict, found.reason]).toEqual([verdict, reason])
})

test('without one From domain nothing is aligned', async () => {
  const message = await signed(plain)
  expect(await dkimOf(`From: <a@other.test>\r\n${message}`)).toMatchObject({
    signatures: [{ aligned: false }],
  })
})
