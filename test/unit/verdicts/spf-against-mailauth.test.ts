/**
 * Two evaluators, one opinion: ours and mailauth's, on records, senders and answers made to find where they differ.
 * What is left out, since there mailauth is not RFC 7208's opinion, has tests of its own in spf-check.test.ts:
 *
 * - Domains of senders with underscores, hyphens at an end of a label, the root's dot, or a top label that begins
 *   with a digit: mailauth calls them malformed, where §4.3 means what DNS can't have.
 * - A HELO with "@" of a null reverse-path: mailauth judges what is behind it.
 * - MX hosts of one label: mailauth's permerror is none of §5.4's.
 * - Names with "%" in the way of a bare `a` or `mx`: mailauth expands the name once more.
 * - HELO names that are not ASCII: in macros ours are A-labels before they are cut or escaped (RFC 8616 §4).
 * - An empty HELO: mailauth has the address for it.
 * - The limit of ten, which by §4.6.4 is one of terms: mailauth does not count those whose name is malformed.
 */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import type { Resolve } from '../../../src/dns/resolver.ts'
import { checkHost } from '../../../src/verdicts/spf/check-host.ts'
import { judgeSpf } from '../../../src/verdicts/spf/judge.ts'
import { mailauthSpf, resolverOf, type Zone } from './spf-support.ts'

const domains = ['one.test', 'two.test', 'sub.one.test', 'xn--exmple-cua.test']
const hosts = ['mail.one.test', 'two.test', 'h.sub.one.test', 'xn--bcher-kva.test', 'gone.test']
const v4 = ['192.0.2.1', '192.0.2.77', '198.51.100.9']
const v6 = ['2001:db8::1', '2001:db8:1::cb01']
const reverseNames = [
  '1.2.0.192.in-addr.arpa',
  '77.2.0.192.in-addr.arpa',
  '9.100.51.198.in-addr.arpa',
  '1.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
  '1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.1.0.0.0.8.b.d.0.1.0.0.2.ip6.arpa',
]

const ip = fc.oneof(
  { weight: 30, arbitrary: fc.constantFrom(...v4, ...v6) },
  {
    weight: 10,
    arbitrary: fc.constantFrom(
      ...['::ffff:192.0.2.1', '::FFFF:c000:24d', '2001:DB8:0::1', '::1', '::192.0.2.1'],
      'fe80::1%eth0',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('no address', '', '192.0.2.01', '192.0.2.1%eth0') },
)
const sender = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.constantFrom(
      ...['a@one.test', 'strong-bad@One.TEST', 'a+b/c=d_e,f@two.test', 'a@sub.one.test', ''],
      ...['@one.test', 'one.test', '"a@b"@one.test', 'a b@one.test', '..@one.test', 'ü@one.test'],
      ...['a@exämple.test', 'A@EXÄMPLE.test', '%{d}@one.test', "~jack&jill=up'*()!@one.test"],
      ...[`${'l.'.repeat(200)}l@one.test`, `${'x'.repeat(300)}@one.test`],
    ),
  },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...['a@[192.0.2.1]', 'a@localhost', 'a@one..test', 'a@', '@', 'a@gone.test', 'a@one.123'],
      ...[`a@${'x'.repeat(64)}.test`, 'a@one.test/x'],
    ),
  },
)
const helo = fc.constantFrom(
  ...['mail.one.test', 'TWO.test', '[192.0.2.1]', 'localhost', "JUMPIN' JUPITER", 'x..test', '.'],
  ...['%%%', 'h!*()%41.test', `${'y'.repeat(70)}.test`, 'a-b.c-d.one.test', '%{h}', 'sub.one.test'],
)

const macros = [
  ...['%{d}', '%{d2}', '%{d1r}', '%{D}', '%{o}', '%{h}', '%{H}', '%{i}', '%{ir}', '%{v}', '%{p}'],
  ...[
    '%{l}',
    '%{l-}',
    '%{lr-}',
    '%{l1r-}',
    '%{L}',
    '%{s}',
    '%{S}',
    '%{sr=}',
    '%{l2+_/,.}',
    '%{p2}',
  ],
  ...[
    '%{d99999999999r}',
    '%{l1}',
    '%{i3}',
    '%{hR-}',
    '%{DR}',
    '%%',
    '%_',
    '%-',
    '%{I4r}',
    '%{o9.}',
  ],
]
const macro = fc.constantFrom(...macros)
/** What the rule of the zone below answers for. */
const below = fc.constantFrom('ask.test', 'ask.one.test')
const broken = fc.constantFrom(
  ...[
    'nodot',
    '',
    '.',
    'a.1',
    'a.b-',
    'a.-b',
    '%{x}.test',
    '%.test',
    '%{d',
    '%{d0}.test',
    '%{}.test',
  ],
  ...[
    '%{d}.',
    '%{d}com',
    'a.test..',
    'a%{d-r}.test',
    '%{dx}.test',
    '%{c}.test',
    'one.test/33',
    '/8',
  ],
  ...[
    'one.test/024',
    'one.test/24/64',
    'one.test//129',
    'one.test/',
    'ä.test',
    'a\tb.test',
    '%{d }',
  ],
)
const name = fc.constantFrom(...domains, ...hosts)
const awkward = fc.constantFrom(
  ...['a..one.test', `${'x'.repeat(64)}.test`, `${'long.'.repeat(60)}ask.test`, 'Mail.ONE.test.'],
  ...['foo:bar/baz.ask.test', '.test', 'localhost.'],
)
const expandable = fc
  .tuple(fc.array(fc.oneof(macro, fc.constantFrom('x', '.', 'a-b')), { maxLength: 4 }), below)
  .map(([pieces, end]) => `${pieces.join('')}.${end}`)
const spec = fc.oneof(
  { weight: 8, arbitrary: name },
  { weight: 4, arbitrary: expandable },
  { weight: 3, arbitrary: macro },
  { weight: 1, arbitrary: awkward },
  { weight: 1, arbitrary: broken },
)
/** Of what is included: without what leaves a percent sign in a name. */
const reference = fc.oneof(
  { weight: 9, arbitrary: fc.constantFrom(...domains) },
  { weight: 1, arbitrary: name },
  {
    weight: 2,
    arbitrary: fc.constantFrom(
      '%{d}',
      '%{o}',
      '%{h}',
      'sub.%{d2}',
      '%{l}.one.test',
      '%{p}',
      '%{s}',
    ),
  },
  { weight: 1, arbitrary: fc.constantFrom('a..b.test', '.test', 'nodot', '%{x}.test') },
)
const cidr = fc.constantFrom(
  '',
  '',
  '',
  '/24',
  '/0',
  '//32',
  '/24//48',
  '//0',
  '/32//128',
  '/33',
  '/08',
)
const qualifier = fc.constantFrom('', '', '', '', '+', '-', '~', '?')

const network = fc.constantFrom(
  ...[
    'ip4:192.0.2.1',
    'ip4:192.0.2.0/24',
    'ip4:192.0.2.64/26',
    'ip4:0.0.0.0/0',
    'ip4:198.51.100.8/31',
  ],
  ...['ip6:2001:db8::1', 'ip6:2001:db8::/32', 'ip6:2001:DB8:1::/47', 'ip6:::/0', 'ip6:::1.1.1.1/0'],
  ...['ip6:::ffff:192.0.2.1', 'ip6:::192.0.2.1/128', 'ip6:fe80::/10', 'IP4:192.0.2.1/32'],
)
const brokenNetwork = fc.constantFrom(
  ...[
    'ip4:192.0.2.256',
    'ip4:192.0.2',
    'ip4',
    'ip4:',
    'ip4/24',
    'ip4:192.0.2.01',
    'ip4:192.0.2.0/33',
  ],
  ...[
    'ip4:192.0.2.0/024',
    'ip4:192.0.2.0//24',
    'ip4:2001:db8::1',
    'ip4:192.0.2.1:25',
    'ip4:1.2.3.4/',
  ],
  ...[
    'ip6:192.0.2.1',
    'ip6:2001:db8::/129',
    'ip6:2001::db8::1',
    'ip6:2001:db8::1//32',
    'ip6:fe80::1%0',
  ],
  ...[
    'ip6:[::1]',
    'ip6',
    'ip6:::/00',
    'ip4:1.2.3.4/-1',
    'ip6:::/1e1',
    'ip4:+1.2.3.4',
    'ip4:1..3.4',
  ],
)
const brokenTerm = fc.constantFrom(
  ...[
    'moo',
    'all:x',
    'all/8',
    'all.',
    '-',
    '--all',
    'include',
    'exists',
    'ptr:',
    'ptr/24',
    'a:',
    'mx:',
  ],
  ...[
    'redirect:one.test',
    '=all',
    '1up=x',
    'moo.cow/far=x',
    'a/24/64',
    'exists:mail.one.test/24',
    '%',
  ],
  ...[
    'foo=%abc',
    'exp=',
    'exp=-all',
    'redirect=',
    'a=',
    'all=',
    'ä',
    'a\x00',
    '-include',
    '!a',
    'a//',
  ],
)
const fine = fc.constantFrom(
  'moo.cow-far_out=man:dog/cat',
  'default=%{c}%{r}%{t}',
  'include=x',
  'x=',
)

const asking = fc.oneof(
  {
    weight: 3,
    arbitrary: fc.tuple(fc.constantFrom('a', 'A', 'mx'), cidr).map((all) => all.join('')),
  },
  {
    weight: 3,
    arbitrary: fc
      .tuple(fc.constantFrom('a', 'mx', 'MX'), spec, cidr)
      .map(([a, b, c]) => `${a}:${b}${c}`),
  },
  { weight: 3, arbitrary: spec.map((each) => `exists:${each}`) },
  { weight: 3, arbitrary: reference.map((each) => `include:${each}`) },
  {
    weight: 2,
    arbitrary: fc.oneof(
      fc.constant('ptr'),
      spec.map((each) => `ptr:${each}`),
    ),
  },
)
const mechanism = fc
  .tuple(qualifier, fc.oneof({ weight: 6, arbitrary: asking }, { weight: 3, arbitrary: network }))
  .map((all) => all.join(''))
const redirect = reference.map((each) => `redirect=${each}`)
const end = fc.oneof(
  fc.constantFrom('-all', '~all', '?all', 'all', '', 'exp=exp.test -all'),
  redirect,
)

const manyTerms = fc
  .tuple(
    fc.array(
      fc.oneof(
        { weight: 30, arbitrary: mechanism },
        { weight: 1, arbitrary: fine },
        { weight: 1, arbitrary: fc.oneof(brokenTerm, brokenNetwork) },
        { weight: 1, arbitrary: redirect },
      ),
      { maxLength: 5 },
    ),
    end,
  )
  .map(([terms, last]) => `v=spf1 ${[...terms, last].join(' ')}`)
/** A pass of such a one says what has matched. */
const oneTerm = fc.oneof(
  fc.oneof(asking, network).map((term) => `v=spf1 ${term} -all`),
  redirect.map((term) => `v=spf1 ${term}`),
)
const manyLookups = fc
  .tuple(fc.constantFrom('a', 'mx', 'exists:%{i}.ask.test', 'ptr'), fc.integer({ min: 8, max: 12 }))
  .map(
    ([term, count]) =>
      `v=spf1 ${`-${term}/32 `.replace(/(ask\.test|ptr)\/32/, '$1').repeat(count)}all`,
  )
const record = fc.oneof(
  { weight: 6, arbitrary: manyTerms },
  { weight: 4, arbitrary: oneTerm },
  { weight: 1, arbitrary: manyLookups },
)

const failures = ['ENOTFOUND', 'ENODATA', 'ETIMEOUT', 'ESERVFAIL', 'EREFUSED', 'EBUDGET']
const failure = fc.constantFrom(...failures, 'EBADNAME')
const orFailure = <Value>(value: fc.Arbitrary<Value>, weight = 12) =>
  fc.oneof({ weight, arbitrary: value }, { weight: 1, arbitrary: failure })

const other = fc.constantFrom(
  'v=spf10 -all',
  'v=spf1\t-all',
  ' v=spf1 -all',
  'text',
  '',
  'spf2.0/pra all',
)
const texts = fc
  .tuple(
    fc.oneof(
      { weight: 12, arbitrary: fc.array(record, { minLength: 1, maxLength: 1 }) },
      fc.array(record),
    ),
    fc.array(other, { maxLength: 1 }),
    fc.constantFrom('v=spf1', 'v=spf1', 'V=SPF1'),
    fc.nat(30),
  )
  .map(([records, others, version, cut]) =>
    [...others, ...records.map((each) => each.replace(/^v=spf1/, version))].map((text) => [
      text.slice(0, cut),
      text.slice(cut),
    ]),
  )
const mx = fc.oneof(
  { weight: 8, arbitrary: fc.array(fc.constantFrom(...hosts, ''), { maxLength: 4 }) },
  { weight: 2, arbitrary: fc.array(fc.constantFrom(...hosts), { minLength: 9, maxLength: 12 }) },
)
const withPriorities = mx.map((exchanges) =>
  exchanges.map((exchange, index) => ({ exchange, priority: (index * 7) % 5 })),
)
const addresses = (all: readonly string[]) => fc.subarray([...all], { minLength: 1 })
const records = fc.record({
  TXT: orFailure(texts, 25),
  A: orFailure(addresses(v4)),
  AAAA: orFailure(addresses(v6)),
  MX: orFailure(withPriorities.filter((each) => each.length > 0)),
})
const ptr = fc.record({
  PTR: fc.oneof(
    // The name of an address can always be asked for.
    { weight: 1, arbitrary: fc.constantFrom(...failures) },
    { weight: 6, arbitrary: fc.array(fc.constantFrom(...hosts), { minLength: 1, maxLength: 3 }) },
    {
      weight: 1,
      arbitrary: fc.array(fc.constantFrom('gone.test', 'mail.one.test'), {
        minLength: 9,
        maxLength: 12,
      }),
    },
  ),
})
const existing = [...new Set([...domains, ...hosts])].filter((each) => each !== 'gone.test')
const anyZone = fc.record({
  ...Object.fromEntries(existing.map((each) => [each, records])),
  ...Object.fromEntries(reverseNames.map((each) => [each, ptr])),
})
/** Where most terms match. */
const fineZone = fc.tuple(oneTerm, withPriorities).map(([text, exchanges]) => {
  const texts = (each: string) => (each.startsWith('xn') ? 'v=spf1 all' : text)
  const named = existing.map((each) => [
    each,
    { TXT: [[texts(each)]], A: v4, AAAA: v6, ...(exchanges.length > 0 && { MX: exchanges }) },
  ])
  const reverse = reverseNames.map((each) => [each, { PTR: ['mail.one.test', 'two.test'] }])
  return Object.fromEntries([...named, ...reverse])
})
const zone = fc.oneof(
  { weight: 2, arbitrary: anyZone },
  { weight: 1, arbitrary: fineZone },
) as fc.Arbitrary<Zone>

/** The zone; and below "ask" half of all names, so that two that expand otherwise get other answers. */
function worldOf(known: Zone): { readonly resolve: Resolve; readonly asked: Set<string> } {
  const ofZone = resolverOf(known)
  const asked = new Set<string>()
  return {
    asked,
    async resolve(given, type) {
      const plain = given.toLowerCase()
      asked.add(`${type} ${plain}`)
      if (!/\.ask\.(one\.)?test$/.test(plain) || (type !== 'A' && type !== 'AAAA'))
        return ofZone(plain, type)
      const sum = [...plain].reduce((total, each) => total + each.charCodeAt(0), 0)
      if (sum % 16 === 0) return ofZone('servfail.test', type)
      if (sum % 2 === 0) return ofZone('gone.test', type)
      return type === 'A' ? v4 : v6
    },
  }
}

const kindOf = (text: string): string =>
  /^v=spf1 (\w+)\S*(?: -all)?$/i.exec(text)?.[1]?.toLowerCase() ?? 'several'

test('of any record, sender and DNS both evaluators say the same, and ask for the same', async () => {
  const seen = new Map<string, number>()
  const count = (what: string): void => {
    seen.set(what, (seen.get(what) ?? 0) + 1)
  }
  await fc.assert(
    fc.asyncProperty(ip, sender, helo, zone, async (address, from, hello, known) => {
      const client = { ip: address, sender: from, helo: hello }
      const [mine, others] = [worldOf(known), worldOf(known)]
      const ours = await checkHost(client, mine.resolve)
      const theirs = await mailauthSpf(client, others.resolve)
      const isOver = ours.problem === 'more than 10 look-ups'
      if (isOver && (theirs.lookups?.count ?? 0) <= 10) {
        count('malformed names among the ten')
        return
      }
      expect(ours.result).toBe(theirs.status.result)
      // Only mailauth asks for explanations.
      others.asked.delete('TXT exp.test')
      // Where it ends is one question earlier or later.
      if (!isOver) expect(mine.asked).toEqual(others.asked)
      count(ours.result)
      if (isOver) count('too many look-ups')
      if (/answer$/.test(ours.problem ?? '')) count('too many void look-ups')
      if (/MX hosts$/.test(ours.problem ?? '')) count('too many MX hosts')
      const records = known[ours.domain]?.['TXT']
      if (ours.result === 'pass' && Array.isArray(records) && records.length === 1)
        count(`matched ${kindOf((records[0] as string[]).join(''))}`)
    }),
    { numRuns: 6000 },
  )
  // Both saying `permerror` of everything would be no agreement worth having.
  const least = {
    ...{
      pass: 300,
      fail: 300,
      softfail: 30,
      neutral: 30,
      none: 300,
      temperror: 50,
      permerror: 300,
    },
    ...{ 'too many look-ups': 50, 'too many void look-ups': 10 },
    ...{ 'matched a': 5, 'matched mx': 5, 'matched ptr': 2, 'matched ip4': 5, 'matched ip6': 5 },
    ...{ 'matched exists': 5, 'matched include': 2, 'matched redirect': 5 },
  }
  for (const [what, times] of Object.entries(least))
    expect.soft(seen.get(what) ?? 0, what).toBeGreaterThanOrEqual(times)
  expect(seen.get('malformed names among the ten') ?? 0).toBeLessThan(60)
})

const commented = [
  // record, client, sender, HELO
  ['v=spf1 +all', '192.0.2.1', 'a@One.test', 'mail.one.test'],
  ['v=spf1 -all', '2001:db8::1', '@one.test', 'mail.one.test'],
  ['v=spf1 ~all', '::ffff:192.0.2.1', 'one.test', 'mail.one.test'],
  ['v=spf1 ?all', '::FFFF:c000:201', '', 'one.test'],
  ['no record', '192.0.2.1', 'a@one.test', 'mail.one.test'],
  ['v=spf1 moo', '192.0.2.1', 'ü@exämple.test', 'mail.one.test'],
  ['v=spf1 a:fails.test', '192.0.2.1', 'a@one.test', 'mail.one.test'],
] as const

test.for(commented)('the comment on %j is mailauth’s', async ([record, address, from, helo]) => {
  const texts = { TXT: [[record]] }
  const known = { 'one.test': texts, 'xn--exmple-cua.test': texts, 'fails.test': { A: 'ETIMEOUT' } }
  const { status, domain } = await mailauthSpf(
    { ip: address, sender: from, helo },
    resolverOf(known),
  )
  const client = { remoteIp: address, reversePath: from, helo }
  const ours = await judgeSpf(client, 'mx.here.test', resolverOf(known))
  // What is wrong has words of our own.
  const sentence = (comment = ''): string => comment.replace(/(lookup of \S+):.*/, '$1')
  expect(sentence(ours.comment)).toBe(sentence(status.comment))
  expect(ours).toMatchObject({ result: status.result, domain })
})
