/**
 * SPF through our resolver and a name server: none of RFC 7208's distinctions is lost on the way. What the RFC itself
 * wants is in spf-suite.test.ts and spf-check.test.ts (pitfalls B1); what stands here is what a resolver could spoil.
 */
import { describe, expect, test } from 'vitest'
import type { Zones } from '../../support/dns.ts'
import { type Asked, authenticated, dnsOf, served } from './auth-support.ts'

const chain = (length: number): Zones =>
  Object.fromEntries(
    Array.from({ length }, (_, index) => [
      `c${index}.depth${length}.test`,
      {
        TXT: [
          index + 1 < length
            ? `v=spf1 include:c${index + 1}.depth${length}.test -all`
            : 'v=spf1 +all',
        ],
      },
    ]),
  )

const zones: Zones = {
  ...chain(10),
  ...chain(11),
  ...chain(12),
  'pass.test': { TXT: ['v=spf1 ip4:192.0.2.0/24 -all'] },
  'fail.test': { TXT: ['v=spf1 -all'] },
  'soft.test': { TXT: ['v=spf1 ~all'] },
  'neutral.test': { TXT: ['v=spf1 ?all'] },
  'none.test': { TXT: ['other text'] },
  'nodata.test': { A: ['192.0.2.1'] },
  'syntax.test': { TXT: ['v=spf1 ip4:192.0.2.300 -all'] },
  'two.test': { TXT: ['v=spf1 +all', 'v=spf1 -all'] },
  'servfail.test': 'SERVFAIL',
  'silent.test': 'silence',
  'six.test': { TXT: ['v=spf1 ip6:2001:db8::/32 -all'] },
  'a6.test': { TXT: ['v=spf1 a -all'], AAAA: ['2001:db8::10'] },
  'a.test': { TXT: ['v=spf1 a -all'], A: ['192.0.2.10'] },
  'mx.test': { TXT: ['v=spf1 mx -all'], MX: ['10 in.mx.test', '20 out.mx.test'] },
  'in.mx.test': { A: ['198.51.100.1'] },
  'out.mx.test': { A: ['192.0.2.10'] },
  'macro.test': { TXT: ['v=spf1 exists:%{i}._spf.%{d2} -all'] },
  '192.0.2.10._spf.macro.test': { A: ['127.0.0.2'] },
  'local.test': { TXT: ['v=spf1 exists:%{l}.%{o}.users.test -all'] },
  'a.local.test.users.test': { A: ['127.0.0.2'] },
  'redirect.test': { TXT: ['v=spf1 redirect=pass.test'] },
  'redirect-nowhere.test': { TXT: ['v=spf1 redirect=nowhere.test'] },
  'include-none.test': { TXT: ['v=spf1 include:none.test -all'] },
  'include-fail.test': { TXT: ['v=spf1 include:fail.test ?all'] },
  'include-servfail.test': { TXT: ['v=spf1 include:servfail.test -all'] },
  'void2.test': { TXT: ['v=spf1 a:gone1.test a:gone2.test ip4:192.0.2.10 -all'] },
  'void3.test': { TXT: ['v=spf1 a:gone1.test a:gone2.test a:gone3.test ip4:192.0.2.10 -all'] },
  'void-nodata.test': { TXT: ['v=spf1 a:none.test a:soft.test a:two.test ip4:192.0.2.10 -all'] },
  'long.test': { TXT: [`v=spf1 ${'ip4:198.51.100.1 '.repeat(580)}ip4:192.0.2.10 -all`] },
  'loop.test': { CNAME: 'loop2.test' },
  'loop2.test': { CNAME: 'loop.test' },
  'mail.helo.test': { TXT: ['v=spf1 ip4:192.0.2.10 -all'] },
  'bad.helo.test': { TXT: ['v=spf1 -all'] },
  'mail.example.test': { TXT: ['v=spf1 -all'] },
}

const names = served(zones)

const of = async (domain: string, asked: Asked = {}) =>
  (
    await authenticated('From: <a@b.test>\r\n\r\nx\r\n', names.dns, {
      reversePath: `a@${domain}`,
      ...asked,
    })
  ).spf

const results = [
  // domain, result, verdict, why
  ['pass.test', 'pass', 'PASS', 'the address is permitted'],
  ['fail.test', 'fail', 'FAIL', 'it is not'],
  ['soft.test', 'softfail', 'GRAY', 'probably not (SES: GRAY)'],
  ['neutral.test', 'neutral', 'GRAY', 'the owner says nothing'],
  ['none.test', 'none', 'GRAY', 'no record (§4.5)'],
  ['nodata.test', 'none', 'GRAY', 'no text at all: ENODATA is not an error'],
  ['nowhere.test', 'none', 'GRAY', 'no such name: ENOTFOUND is not an error (§4.3)'],
  ['syntax.test', 'permerror', 'PROCESSING_FAILED', 'a wrong record (§4.6)'],
  ['two.test', 'permerror', 'PROCESSING_FAILED', 'two records (§4.5)'],
  ['servfail.test', 'temperror', 'PROCESSING_FAILED', 'the name server fails (§4.4)'],
  ['silent.test', 'temperror', 'PROCESSING_FAILED', 'it does not answer (§4.4)'],
  ['loop.test', 'temperror', 'PROCESSING_FAILED', 'an alias of itself'],
  ['a.test', 'pass', 'PASS', 'a (§5.3)'],
  ['mx.test', 'pass', 'PASS', 'mx (§5.4)'],
  ['macro.test', 'pass', 'PASS', 'exists with macros (§5.7, §7)'],
  ['local.test', 'pass', 'PASS', 'macros of the local part'],
  ['redirect.test', 'pass', 'PASS', 'redirect (§6.1)'],
  ['redirect-nowhere.test', 'permerror', 'PROCESSING_FAILED', 'redirect to no record (§6.1)'],
  ['include-none.test', 'permerror', 'PROCESSING_FAILED', 'include of no record (§5.2)'],
  ['include-fail.test', 'neutral', 'GRAY', 'a fail of what is included does not match (§5.2)'],
  [
    'include-servfail.test',
    'temperror',
    'PROCESSING_FAILED',
    'a temporary error of it is ours (§5.2)',
  ],
  ['c0.depth10.test', 'pass', 'PASS', 'nine includes'],
  ['c0.depth11.test', 'pass', 'PASS', 'ten look-ups are the most (§4.6.4)'],
  ['c0.depth12.test', 'permerror', 'PROCESSING_FAILED', 'eleven are one too many'],
  ['void2.test', 'pass', 'PASS', 'two void look-ups are the most (§4.6.4)'],
  ['void3.test', 'permerror', 'PROCESSING_FAILED', 'three are one too many'],
  ['void-nodata.test', 'permerror', 'PROCESSING_FAILED', 'a name without addresses is void too'],
  ['long.test', 'pass', 'PASS', 'ten thousand octets of record'],
] as const

test.for(results)('%s is %s, verdict %s: %s', async ([domain, result, verdict]) => {
  expect(await of(domain)).toMatchObject({
    result,
    verdict,
    identity: 'mailfrom',
    engine: expect.stringMatching(/^postern@\d/),
    ...(verdict === 'PASS' ? {} : { reason: `spf-${result}` }),
  })
})

describe('addresses', () => {
  const six = { remoteIp: '2001:db8::10' }
  const cases = [
    ['six.test', six, 'pass', 'ip6'],
    ['a6.test', six, 'pass', 'a with AAAA'],
    ['a.test', six, 'fail', 'a of IPv4 only'],
    ['pass.test', { remoteIp: '::ffff:192.0.2.10' }, 'pass', 'IPv4 in IPv6 is IPv4 (§5)'],
    ['six.test', {}, 'fail', 'IPv4 is not in an IPv6 network'],
  ] as const
  test.for(cases)('%s from %j is %s: %s', async ([domain, asked, result]) => {
    expect((await of(domain, asked)).result).toBe(result)
  })
})

describe('the identities', () => {
  test('of the null reverse-path HELO is judged (RFC 7208 §2.4)', async () => {
    const good = await of('', { reversePath: '', helo: 'mail.helo.test' })
    expect(good).toMatchObject({ verdict: 'PASS', identity: 'helo', domain: 'mail.helo.test' })
    expect(good.helo).toBeUndefined()
    expect(await of('', { reversePath: '', helo: 'bad.helo.test' })).toMatchObject({
      verdict: 'FAIL',
      identity: 'helo',
    })
  })

  test('HELO is judged beside MAIL FROM and does not make the verdict (§2.3)', async () => {
    expect(await of('pass.test', { helo: 'bad.helo.test' })).toMatchObject({
      verdict: 'PASS',
      helo: { domain: 'bad.helo.test', result: 'fail' },
    })
  })

  test.for(['[192.0.2.10]', 'localhost', '192.0.2.10', 'a b', '-'])(
    'HELO %j is no name to ask for',
    async (helo) => {
      const found = await of('pass.test', { helo })
      expect(found.verdict).toBe('PASS')
      expect(found.helo).toBeUndefined()
    },
  )
})

test('a message may ask so many questions and no more', async () => {
  names.server.questions.length = 0
  const found = await of('c0.depth10.test', { maxDnsQueries: 10, helo: '[192.0.2.10]' })
  expect(found).toMatchObject({ result: 'pass' })
  expect(await of('void3.test', { maxDnsQueries: 2, helo: '[192.0.2.10]' })).toMatchObject({
    result: 'temperror',
  })
})

test('when the time is over what is not known is PROCESSING_FAILED, at once', async () => {
  const stop = new AbortController()
  const slow = dnsOf(names.server.server, 15_000)
  const waiting = authenticated('From: <a@silent.test>\r\n\r\nx\r\n', slow, {
    reversePath: 'a@silent.test',
    signal: stop.signal,
  })
  stop.abort()
  const { spf, dmarc } = await waiting
  expect(spf).toMatchObject({ verdict: 'PROCESSING_FAILED', result: 'temperror' })
  expect(dmarc).toMatchObject({ verdict: 'PROCESSING_FAILED' })
  slow.close()
})
