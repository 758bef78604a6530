/** DMARC and ARC: the From domain's word, who speaks for it, and when somebody else's word counts. */
import { generateKeyPairSync } from 'node:crypto'
import { sealMessage } from 'mailauth/lib/arc/index.js'
import { describe, expect, test } from 'vitest'
import { sawDmarcPass } from '../../../src/verdicts/arc.ts'
import type { Zones } from '../../support/dns.ts'
import { type Asked, authenticated, served } from './auth-support.ts'

const key = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'der' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const spf = 'v=spf1 ip4:192.0.2.10 -all'
const dmarc = (record: string) => ({ TXT: [`v=DMARC1; ${record}`] })
const zones: Zones = {
  'good.test': { TXT: [spf] },
  '_dmarc.good.test': dmarc('p=reject'),
  'sub.good.test': { TXT: [spf] },
  'reject.test': { TXT: ['v=spf1 -all'] },
  '_dmarc.reject.test': dmarc('p=reject'),
  '_dmarc.quarantine.test': dmarc('p=quarantine'),
  '_dmarc.nothing.test': dmarc('p=none'),
  '_dmarc.split.test': dmarc('p=reject; sp=quarantine; np=none'),
  'there.split.test': { A: ['192.0.2.1'] },
  '_dmarc.strict.test': dmarc('p=reject; aspf=s'),
  'sub.strict.test': { TXT: [spf] },
  'strict.test': { TXT: [spf] },
  'norecord.test': { TXT: [spf] },
  '_dmarc.servfail.test': 'SERVFAIL',
  'spffails.test': 'SERVFAIL',
  '_dmarc.spffails.test': dmarc('p=reject'),
  '_dmarc.broken.test': { TXT: ['v=DMARC1; nonsense'] },
  's._domainkey.list.test': { TXT: [`v=DKIM1; p=${key.publicKey.toString('base64')}`] },
}

const names = served(zones)

const message = (from: string): string => `${from}\r\nSubject: x\r\n\r\nbody\r\n`
const of = (from: string, sender: string, asked: Asked = {}) =>
  authenticated(message(from), names.dns, { reversePath: `a@${sender}`, ...asked })

const cases = [
  // From domain, MAIL FROM domain, verdict, policy, why
  ['good.test', 'good.test', 'PASS', undefined, 'SPF is aligned'],
  [
    'sub.good.test',
    'good.test',
    'PASS',
    undefined,
    'relaxed alignment; the record is one above (tree walk)',
  ],
  ['good.test', 'sub.good.test', 'PASS', undefined, 'relaxed alignment downwards'],
  ['good.test', 'norecord.test', 'FAIL', 'reject', 'SPF passes, for somebody else'],
  ['reject.test', 'reject.test', 'FAIL', 'reject', 'SPF fails'],
  ['quarantine.test', 'norecord.test', 'FAIL', 'quarantine', 'its policy'],
  ['nothing.test', 'norecord.test', 'FAIL', 'none', 'a policy of none fails all the same (SES)'],
  ['there.split.test', 'norecord.test', 'FAIL', 'quarantine', 'sp= for what exists below'],
  ['nowhere.split.test', 'norecord.test', 'FAIL', 'none', 'np= for what does not exist'],
  ['strict.test', 'sub.strict.test', 'FAIL', 'reject', 'strict alignment takes no sub-domain'],
  ['strict.test', 'strict.test', 'PASS', undefined, 'strict alignment'],
  ['norecord.test', 'norecord.test', 'GRAY', undefined, 'no record'],
  [
    'broken.test',
    'norecord.test',
    'GRAY',
    undefined,
    'a record without a policy is none (RFC 9989 §4.10.1)',
  ],
  ['servfail.test', 'norecord.test', 'PROCESSING_FAILED', undefined, 'the record could not be had'],
  [
    'spffails.test',
    'spffails.test',
    'PROCESSING_FAILED',
    undefined,
    'SPF might have passed (RFC 9989 §5.3.6)',
  ],
] as const

test.for(cases)('From %s by %s is %s, policy %s: %s', async ([from, sender, verdict, policy]) => {
  const found = await of(`From: <a@${from}>`, sender)
  expect([found.dmarc.verdict, found.dmarcPolicy]).toEqual([verdict, policy])
  if (verdict !== 'PASS') expect(found.dmarc.reason).toMatch(/^dmarc-/)
})

test('what is told of it: who judged, whose record it was, and who vouched', async () => {
  const found = await of('From: <a@sub.good.test>', 'good.test')
  expect(found.dmarc).toEqual({
    verdict: 'PASS',
    engine: expect.stringMatching(/^postern@\d/),
    result: 'pass',
    domain: 'sub.good.test',
    policyDomain: 'good.test',
    policy: 'reject',
    alignment: { spf: 'good.test' },
  })
  const none = await of('From: <a@norecord.test>', 'good.test')
  expect(none.dmarc).toEqual({
    verdict: 'GRAY',
    reason: 'dmarc-none',
    engine: expect.any(String),
    result: 'none',
    domain: 'norecord.test',
    alignment: {},
  })
})

const addresses = (count: number, domain: string): string =>
  Array.from({ length: count }, (_, index) => `<u${index}@${domain}>`).join(',\r\n ')

const froms = [
  // From field, verdict, reason, why
  ['X-Not: <a@good.test>', 'PROCESSING_FAILED', 'from-missing', 'no From: whose policy?'],
  ['From:', 'PROCESSING_FAILED', 'from-missing', 'an empty one'],
  [
    'From: <a@good.test>\r\nFrom: <a@evil.test>',
    'PROCESSING_FAILED',
    'from-several',
    'two: a reader may show either',
  ],
  [
    'From: <a@good.test>, <b@evil.test>',
    'PROCESSING_FAILED',
    'from-several',
    'two domains in one (RFC 9989 §5.3.1)',
  ],
  [
    'From: <a@good.test>, <b@>',
    'PROCESSING_FAILED',
    'from-invalid',
    'nobody knows who the second is',
  ],
  [`From: ${addresses(200, 'good.test')}`, 'PASS', undefined, 'two hundred of one domain'],
  [
    `From: ${addresses(199, 'good.test')}, <x@evil.test>`,
    'PROCESSING_FAILED',
    'from-several',
    'one of another among two hundred',
  ],
  ['From: "a@good.test" <a@evil.test>', 'GRAY', 'dmarc-none', 'a display name is no address'],
  ['FROM : Ad\xe4 <a@good.test>', 'PASS', undefined, 'octets that are no UTF-8'],
] as const

test.for(froms)('%j is %s %s: %s', async ([from, verdict, reason]) => {
  const octets = Buffer.from(message(from), 'latin1')
  const found = await authenticated(octets, names.dns, { reversePath: 'a@good.test' })
  expect([found.dmarc.verdict, found.dmarc.reason]).toEqual([verdict, reason])
})

test.for([
  ['', 'nothing at all'],
  ['From: <a@good.test>\r\n\r\n', 'no body'],
  ['\r\nonly a body\r\n', 'no header'],
  ['no colon at all\r\n', 'no header and no body'],
])('%j gets all its verdicts: %s', async ([text]) => {
  const found = await authenticated(text ?? '', names.dns, { reversePath: 'a@good.test' })
  expect(found.spf.verdict).toBe('PASS')
  expect(found.dkim.verdict).toBe('GRAY')
  expect(['PASS', 'PROCESSING_FAILED']).toContain(found.dmarc.verdict)
})

describe('ARC', () => {
  /** A message as a mailing list passes it on: its own address, and its seal on what it saw. */
  async function sealed(text: string, results: string, domain = 'list.test'): Promise<string> {
    const seal = await sealMessage(Buffer.from(text), {
      signingDomain: domain,
      selector: 's',
      privateKey: key.privateKey,
      authResults: results,
      cv: 'none',
    })
    return seal.toString() + text
  }
  const forwarded = message('From: <a@reject.test>')
  const saw = 'mx.list.test; dmarc=pass header.from=reject.test'
  const asked = { reversePath: 'list@norecord.test', trustedSealers: ['list.test'] }

  test('a chain is reported and changes nothing (pitfalls P48)', async () => {
    const found = await authenticated(await sealed(forwarded, saw), names.dns, {
      ...asked,
      trustedSealers: [],
    })
    expect(found.arc).toMatchObject({ result: 'pass', sets: 1, sealers: ['list.test'] })
    expect(found.dmarc).toMatchObject({ verdict: 'FAIL', result: 'fail' })
    expect(found.dmarcPolicy).toBe('reject')
  })

  test('the word of a trusted sealer replaces a failure, visibly', async () => {
    const found = await authenticated(await sealed(forwarded, saw), names.dns, asked)
    expect(found.dmarc).toMatchObject({
      verdict: 'PASS',
      reason: 'arc-trusted-sealer',
      result: 'fail',
      override: { arcSealer: 'list.test', result: 'fail' },
    })
    expect(found.dmarcPolicy).toBeUndefined()
  })

  const doubts = [
    ['mx.list.test; dmarc=fail header.from=reject.test', 'it saw a failure too'],
    ['mx.list.test; dmarc=pass header.from=other.test', 'it saw another domain pass'],
    ['mx.list.test; spf=pass (dmarc=pass header.from=reject.test)', 'a comment is no result'],
    [
      'mx.list.test; spf=pass reason="; dmarc=pass header.from=reject.test"',
      'nor is a quoted text',
    ],
    ['mx.list.test; none', 'it saw nothing'],
  ] as const
  test.for(doubts)('%s does not count: %s', async ([results]) => {
    const found = await authenticated(await sealed(forwarded, results), names.dns, asked)
    expect(found.arc?.result).toBe('pass')
    expect(found.dmarc.verdict).toBe('FAIL')
  })

  test('a broken seal counts for nothing', async () => {
    const message = await sealed(forwarded, saw)
    const found = await authenticated(message.replace('body', 'bodies'), names.dns, asked)
    expect(found.arc?.result).toBe('fail')
    expect(found.dmarc.verdict).toBe('FAIL')
  })

  test('fifty-one sets are no chain (RFC 8617 §4.2.1)', async () => {
    const sets = Array.from(
      { length: 51 },
      (_, index) =>
        `ARC-Seal: i=${index + 1}; a=rsa-sha256; d=list.test; s=s; cv=${index ? 'pass' : 'none'}; b=x\r\nARC-Message-Signature: i=${index + 1}; a=rsa-sha256; c=relaxed/relaxed; d=list.test; s=s; h=from; bh=x; b=x\r\nARC-Authentication-Results: i=${index + 1}; ${saw}\r\n`,
    ).join('')
    names.server.questions.length = 0
    const found = await authenticated(sets + forwarded, names.dns, asked)
    expect(found.arc?.result).toBe('fail')
    expect(found.dmarc.verdict).toBe('FAIL')
    expect(names.server.questions.length).toBeLessThan(10)
  })

  test('results are read as RFC 8601 has them', () => {
    const field = (text: string) => `ARC-Authentication-Results: i=1; mx; ${text}\r\n`
    expect(sawDmarcPass(field('dmarc=pass header.from=a.test'), 'a.test')).toBe(true)
    expect(sawDmarcPass(field('DMARC = Pass (p=none) Header.From = A.test'), 'a.test')).toBe(true)
    expect(sawDmarcPass(field('dmarc=pass reason="x" header.from=a.test'), 'a.test')).toBe(true)
    expect(sawDmarcPass(field('dmarc=pass header.from=\u00fc.test'), 'xn--tda.test')).toBe(true)
    expect(sawDmarcPass(field('dmarc=pass header.from="b header.from=a.test"'), 'a.test')).toBe(
      false,
    )
    expect(sawDmarcPass(field('x-dmarc=pass header.from=a.test'), 'a.test')).toBe(false)
    expect(sawDmarcPass(field('dmarc=pass'), 'a.test')).toBe(false)
  })
})

test('a sender cannot bring its own results: nobody reads them', async () => {
  const forged = message(
    'Authentication-Results: mx.here.test; dmarc=pass header.from=reject.test\r\nReceived-SPF: pass\r\nReturn-Path: <a@good.test>\r\nReceived: from good.test ([192.0.2.10])\r\nFrom: <a@reject.test>',
  )
  const found = await authenticated(forged, names.dns, { reversePath: '', helo: 'reject.test' })
  expect(found.spf).toMatchObject({ verdict: 'FAIL', identity: 'helo' })
  expect(found.dmarc.verdict).toBe('FAIL')
})
