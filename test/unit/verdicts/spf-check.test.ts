/** SPF in memory: where mailauth and RFC 7208 part, the limits, and that nothing makes it throw or take long. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import type { Resolve } from '../../../src/dns/resolver.ts'
import type { Outcome } from '../../../src/verdicts/spf/asking.ts'
import { checkHost } from '../../../src/verdicts/spf/check-host.ts'
import { resolverOf, type Zone } from './spf-support.ts'

type Asked = { readonly ip?: string; readonly sender?: string; readonly helo?: string }

const txt = (record: string): Zone[string] => ({ TXT: [[record]] })
const client = { ip: '192.0.2.1', sender: 'a@x.test', helo: 'mail.x.test' }

async function check(zone: Zone, asked: Asked = {}): Promise<Outcome> {
  return checkHost({ ...client, ...asked }, resolverOf(zone))
}

/** What x.test with these terms says. */
const of = (terms: string, zone: Zone = {}, asked: Asked = {}): Promise<Outcome> =>
  check({ ...zone, 'x.test': txt(`v=spf1 ${terms}`) }, asked)

describe('where mailauth says otherwise', () => {
  const senders = [
    ['a@_spf.x.test', 'DNS has underscores, in names of senders too'],
    ['a@-x-.x.test', 'hyphens at the ends of a label are not what §4.3 calls malformed'],
    ['a@x.1a', 'a top label may begin with a digit (§7.1)'],
    ['a@y.test.', 'the dot of the root is "at the end" (§4.3)'],
  ] as const
  test.for(senders)('%s is judged: %s', async ([sender]) => {
    const domain = sender.slice(2).replace(/\.$/, '')
    expect((await check({ [domain]: txt('v=spf1 -all') }, { sender })).result).toBe('fail')
  })

  test('of a HELO argument with "@" no part is a domain', async () => {
    expect((await of('+all', {}, { sender: '', helo: 'a@x.test' })).result).toBe('none')
  })

  test('an MX host of one label is asked for as any other, and not the end', async () => {
    const zone = {
      localhost: { A: ['127.0.0.1'] },
      'mail.x.test': { A: ['192.0.2.1'] },
      'y.test': {
        ...txt('v=spf1 mx -all'),
        MX: ['localhost', '192.0.2.1', 'mail.x.test'].map((exchange, priority) => ({
          exchange,
          priority,
        })),
      },
    }
    expect((await check(zone, { sender: 'a@y.test' })).result).toBe('pass')
  })

  test('a bare `a` is of the domain as it is: nothing in it is expanded once more', async () => {
    const zone = { 'a%b.x.test': { ...txt('v=spf1 a -all'), A: ['192.0.2.1'] } }
    expect((await of('include:a%%b.x.test -all', zone)).result).toBe('pass')
  })

  test.for(['%{h}', '%{H}'])('a HELO that is not ASCII has A-labels in %s', async (spec) => {
    const zone = { 'xn--bcher-kva.test': { A: ['127.0.0.2'] } }
    expect((await of(`exists:${spec} -all`, zone, { helo: 'bücher.test' })).result).toBe('pass')
  })

  test('an empty HELO is an empty name', async () => {
    const zone = { '[192.0.2.1].x.test': { A: ['127.0.0.2'] } }
    expect((await of('exists:%{h}.x.test -all', zone, { helo: '' })).result).toBe('fail')
  })

  test('terms count whose names are malformed, so that the client’s HELO changes nothing', async () => {
    const terms = `${'exists:%{h}.x.test '.repeat(11)}+all`
    for (const helo of ['..', 'mail.x.test'])
      expect(await of(terms, {}, { helo })).toMatchObject({ result: 'permerror' })
  })
})

const failures = [
  // code, of a TXT, of an `a`, of a host of `mx`, of `ptr`, why
  ['ENOTFOUND', 'none', 'neutral', 'neutral', 'neutral', 'there is no such name'],
  ['ENODATA', 'none', 'neutral', 'neutral', 'neutral', 'there is no such record'],
  ['ETIMEOUT', 'temperror', 'temperror', 'temperror', 'neutral', 'no answer; ptr goes on (§5.5)'],
  ['ESERVFAIL', 'temperror', 'temperror', 'temperror', 'neutral', 'a failure'],
  ['EREFUSED', 'temperror', 'temperror', 'temperror', 'neutral', 'no wish to answer'],
  ['EBUDGET', 'temperror', 'temperror', 'temperror', 'neutral', 'one message asked too much'],
  ['EBADNAME', 'permerror', 'permerror', 'permerror', 'neutral', 'a name nobody can ask for'],
  ['ENEW', 'temperror', 'temperror', 'temperror', 'neutral', 'whatever comes'],
] as const

test.for(failures)('%s is %s, %s, %s, %s: %s', async ([code, ofText, ofA, ofHost, ofPtr]) => {
  const zone = {
    'fails.test': { TXT: code, A: code, MX: [{ exchange: 'fails.test', priority: 0 }] },
    '1.2.0.192.in-addr.arpa': { PTR: code },
  }
  expect((await check(zone, { sender: 'a@fails.test' })).result).toBe(ofText)
  expect((await of('a:fails.test', zone)).result).toBe(ofA)
  expect((await of('exists:fails.test', zone)).result).toBe(ofA)
  expect((await of('mx:fails.test', zone)).result).toBe(ofHost)
  expect((await of('ptr', zone)).result).toBe(ofPtr)
  const referred = ofText === 'none' ? 'permerror' : ofText
  expect((await of('include:fails.test', zone)).result).toBe(referred)
  expect((await of('redirect=fails.test', zone)).result).toBe(referred)
})

const nonAscii = [
  // terms, result, why
  ['exists:%{l}.x.test -all', 'fail', 'it does not match'],
  ['exists:%{S} -all', 'fail', 'nor escaped'],
  ['exists:%{l1r-}.x.test -all', 'fail', 'nor where the part that is left is ASCII'],
  ['-include:%{l}.x.test +all', 'pass', 'an include does not match'],
  ['redirect=%{l1r-}.x.test', 'permerror', 'a redirect has no name'],
  ['exists:%{o}.x.test -all', 'pass', 'other macros are as ever'],
] as const

test.for(nonAscii)('of a local part that is not ASCII %s is %s: %s', async ([terms, result]) => {
  const zone = { 'a.x.test': { ...txt('v=spf1 +all'), A: ['127.0.0.2'] } }
  const found = await of(
    terms,
    { ...zone, 'x.test.x.test': { A: ['127.0.0.2'] } },
    {
      sender: 'a-ü@x.test',
    },
  )
  expect(found.result).toBe(result)
})

const validated = [
  // names of the client, %{p}, why
  [['other.test', 'h.x.test', 'x.test'], 'x.test', 'the domain itself'],
  [['other.test', 'h.x.test'], 'h.x.test', 'else one below it'],
  [['hx.test', 'other.test'], 'hx.test', 'else any'],
  [['elsewhere.test', 'other.test'], 'other.test', 'which has to have its address'],
  [['fails.test', 'other.test'], 'other.test', 'one that can’t be asked for is left out'],
  [['elsewhere.test'], 'unknown', 'else none'],
] as const

test.for(validated)('of a client called %j %%{p} is %s (§7.3): %s', async ([names, p]) => {
  const own = { A: ['198.51.100.1', '192.0.2.1'] }
  const zone = {
    ...{ 'h.x.test': own, 'other.test': own, 'hx.test': own },
    ...{ 'elsewhere.test': { A: ['198.51.100.1'] }, 'fails.test': { A: 'ESERVFAIL' } },
    '1.2.0.192.in-addr.arpa': { PTR: names },
    [`${p}.p.test`]: { A: ['127.0.0.2'] },
    'x.test': { ...txt('v=spf1 exists:%{p}.p.test -all'), ...own },
  }
  expect((await check(zone)).result).toBe('pass')
})

describe('limits', () => {
  const others: Zone = {
    'there.test': { A: ['198.51.100.1'], MX: [{ exchange: 'there.test', priority: 0 }] },
    '1.2.0.192.in-addr.arpa': { PTR: ['there.test'] },
    'neutral.test': txt('v=spf1'),
  }
  const ten = [
    ['a:there.test', 'a'],
    ['mx:there.test', 'mx, but not its hosts'],
    ['exists:%{p}.there.test', 'exists, and once more %{p}'],
    ['ptr:there.test', 'ptr, but not its names'],
    ['include:neutral.test', 'include'],
    ['ip4:198.51.100.1', 'addresses do not count'],
  ] as const
  test.for(ten)('of ten look-ups %s is one: %s', async ([term]) => {
    const cost = term.startsWith('ip4') ? 0 : term.includes('%{p}') ? 2 : 1
    const filling = 'a:there.test '
    const at = await of(`${filling.repeat(10 - cost)}-${term} +all`, others)
    const over = await of(`${filling.repeat(11 - cost)}-${term} +all`, others)
    expect([at.result, over.result]).toEqual(['pass', 'permerror'])
  })

  test('redirect is one of the ten', async () => {
    const zone = { ...others, 'all.test': txt('v=spf1 +all') }
    const terms = (count: number) => `${'a:there.test '.repeat(count)}redirect=all.test`
    expect((await of(terms(9), zone)).result).toBe('pass')
    expect((await of(terms(10), zone)).result).toBe('permerror')
  })

  test('the third answer without a record is the end, the same one or not', async () => {
    expect((await of('a:no.test mx:no.test +all')).result).toBe('pass')
    expect((await of('a:no.test mx:no.test exists:no.test +all')).result).toBe('permerror')
    expect((await of('exists:%{p}.no.test ptr +all')).result).toBe('permerror')
  })

  const exchanges = (count: number) =>
    Array.from({ length: count }, (_, index) => ({
      exchange: index === 0 ? 'here.test' : `no${index}.test`,
      priority: -index,
    }))
  test.for([
    [10, 'pass', 'the last of ten'],
    [11, 'permerror', 'the eleventh is not asked for'],
  ] as const)(
    'of %i MX hosts the least preferred is the client: %s, %s',
    async ([count, result]) => {
      const zone = { 'm.test': { MX: exchanges(count) }, 'here.test': { A: ['192.0.2.1'] } }
      expect((await of('mx:m.test -all', zone)).result).toBe(result)
    },
  )

  test.for([
    [9, 'pass', 'the tenth'],
    [10, 'fail', 'the eleventh is not looked at'],
  ] as const)(
    'behind %i names without an address the name of the client is %s: %s',
    async ([before, result]) => {
      const names = [...Array.from({ length: before }, (_, index) => `no${index}.test`), 'h.x.test']
      const zone = { '1.2.0.192.in-addr.arpa': { PTR: names }, 'h.x.test': { A: ['192.0.2.1'] } }
      expect((await of('ptr -all', zone)).result).toBe(result)
    },
  )
})

/** Every text is the same, and every answer as long as our resolver lets one be. */
function flood(record: string): { readonly resolve: Resolve; readonly asked: () => number } {
  const host = (index: number) => `h${index}.test`
  const all = <Value>(each: (index: number) => Value) =>
    Array.from({ length: 500 }, (_, i) => each(i))
  const answers: Readonly<Record<string, readonly unknown[]>> = {
    TXT: [[record]],
    MX: all((index) => ({ exchange: host(index), priority: 500 - index })),
    A: all((index) => `10.200.${index >> 8}.${index & 255}`),
    AAAA: all((index) => `2001:db8:aaaa:bbbb:cccc:dddd:eeee:${index.toString(16)}`),
    PTR: all(host),
  }
  let asked = 0
  return {
    asked: () => asked,
    async resolve(name, type) {
      asked += 1
      return type === 'MX' && name === 'ten.test' ? answers['MX']?.slice(0, 10) : answers[type]
    },
  }
}

const full = (unit: string, end = ''): string =>
  `v=spf1 ${unit.repeat((32_760 - end.length) / unit.length)}${end}`
const itself = 'include:x.test'

const floods = [
  // why, record, questions
  ['networks, eleven times', full('ip4:10.0.0.1/32 ', itself), 11],
  ['networks of IPv6', full('ip6:2001:db8:1:2:3:4:5:6/128 ', itself), 11],
  ['one term after the other', full('a '), 11],
  ['spaces', full(' ', itself), 11],
  ['terms without a name', full('exists:%{h}..x.test '), 1],
  ['macros', `v=spf1 ${`-exists:${'%{l1r-+/=_,.}'.repeat(240)}.x.test `.repeat(10)}`, 11],
  ['ten times five hundred hosts', `v=spf1 ${'mx:x.test '.repeat(10)}`, 12],
  [
    'ten times ten hosts with five hundred addresses each',
    `v=spf1 ${'mx:ten.test '.repeat(10)}`,
    111,
  ],
  ['ten times ten names with five hundred addresses each', `v=spf1 ${'ptr '.repeat(10)}`, 111],
  ['names in macros', `v=spf1 ${'include:%{p} '.repeat(10)}`, 111],
  ['redirections', 'v=spf1 redirect=x.test', 11],
] as const

test.for(floods)(
  'an attack with %s costs a moment and so many questions',
  async ([, record, most]) => {
    for (const ip of ['192.0.2.1', '2001:db8::1']) {
      const { resolve, asked } = flood(record)
      const from = performance.now()
      const local = `.${'a'.repeat(2000)}.`
      await checkHost({ ip, sender: `${local}@x.test`, helo: 'h..test' }, resolve)
      expect(performance.now() - from).toBeLessThan(1000)
      expect(asked()).toBeLessThanOrEqual(most)
    }
  },
)

test('nothing makes it throw, whatever it is given and however DNS behaves', async () => {
  const text = fc.oneof(
    fc.string({ unit: 'binary', maxLength: 40 }),
    fc.constantFrom(
      'a@x.test',
      'x.test',
      '@',
      '%',
      '::1',
      '192.0.2.1',
      '\ud800@x.test',
      '\0',
      'xn--@x.xn--',
    ),
  )
  const terms = fc
    .array(
      fc.oneof(
        text,
        fc.constantFrom(
          'a',
          'mx',
          'ptr',
          'exists:%{S}%{p}.x.test',
          'include:%{h}',
          'redirect=%{L}',
        ),
      ),
    )
    .map((all) => `v=spf1 ${all.join(' ')}`)
  const answer = fc.oneof(
    terms.map((each) => [[each]]),
    fc.constantFrom<unknown>(
      undefined,
      null,
      [],
      [[]],
      [null],
      [undefined],
      'text',
      {},
      [1],
      [['v=spf1', 2]],
    ),
    fc.constantFrom(new Error('no code'), Object.assign(new Error('x'), { code: 5 })),
  )
  await fc.assert(
    fc.asyncProperty(
      text,
      text,
      text,
      terms,
      fc.array(answer, { minLength: 1 }),
      async (ip, sender, helo, record, answers) => {
        let asked = 0
        const resolve: Resolve = (_, type) => {
          const found = asked === 0 ? [[record]] : answers[asked % answers.length]
          asked += 1
          if (found instanceof Error) {
            if (asked % 2 === 0) throw found
            return Promise.reject(found)
          }
          if (found === null) return Promise.reject(undefined)
          return Promise.resolve(type === 'MX' ? [{ exchange: helo, priority: asked }] : found)
        }
        for (const from of [sender, `${sender}@x.test`])
          for (const at of [ip, '192.0.2.1', '::1'])
            expect((await checkHost({ ip: at, sender: from, helo }, resolve)).result).toMatch(
              /^[a-z]+$/,
            )
      },
    ),
    { numRuns: 1000 },
  )
})
