/** DMARC's evaluation: whose record applies, who belongs together, and what failures of DNS leave open. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { dnsError } from '../../../src/dns/resolver.ts'
import type { DkimResult } from '../../../src/mail/verdict.ts'
import { evaluateDmarc } from '../../../src/verdicts/dmarc/evaluate.ts'

/** By name: the record at its `_dmarc`; `there` without one; or how its `_dmarc` fails. */
type Zone = Readonly<Record<string, string>>

const p = (tags: string): string => `v=DMARC1; ${tags}`

/** Stands for the resolver: what is not in the zone does not exist; who was asked is kept. */
function resolverOf(zone: Zone) {
  const asked: string[] = []
  const resolve = async (name: string, type: string): Promise<unknown> => {
    asked.push(type === 'TXT' ? name : `${type} ${name}`)
    const found = zone[type === 'TXT' ? name.replace('_dmarc.', '') : `${type} ${name}`]
    if (found === undefined) throw dnsError('ENOTFOUND', name)
    if (/^E[A-Z]+$/.test(found)) throw dnsError(found, name)
    return type === 'TXT' ? [[found]] : [found]
  }
  return { asked, resolve }
}

type Signed = readonly (string | readonly [domain: string, result: DkimResult, unsigned?: number])[]

/** `spf`: the domain that it passed for. */
async function evaluated(zone: Zone, domain: string, spf: string | undefined, signed: Signed = []) {
  const { asked, resolve } = resolverOf(zone)
  const signatures = signed.map((each) => {
    const [name, result = 'pass', unsigned] = typeof each === 'string' ? [each] : each
    const body = unsigned === undefined ? {} : { body: { signed: 100, total: 100 + unsigned } }
    return { domain: name, result, ...body }
  })
  const bySpf = { domain: spf ?? domain, result: spf === undefined ? 'none' : 'pass' } as const
  return { ...(await evaluateDmarc({ domain }, bySpf, signatures, resolve)), asked }
}

describe('the examples of RFC 9989', () => {
  const zone = { 'example.com': p('p=none') }
  const strict = { 'example.com': p('p=none; aspf=s; adkim=s') }
  const b1 = [
    // §, zone, author, who was authenticated, result
    ['B.1.1 example 1', strict, 'example.com', 'example.com', 'pass'],
    ['B.1.1 example 2', zone, 'example.com', 'child.example.com', 'pass'],
    ['B.1.1 example 2, strict', strict, 'example.com', 'child.example.com', 'fail'],
    ['B.1.1 example 3', zone, 'child.example.com', 'example.net', 'fail'],
    ['B.1.2 example 2', zone, 'child.example.com', 'example.com', 'pass'],
    ['B.1.2 example 2, strict', strict, 'child.example.com', 'example.com', 'fail'],
  ] as const
  test.for(b1)('§%s', async ([, records, author, authenticated, result]) => {
    expect((await evaluated(records, author, authenticated)).result).toBe(result)
    expect((await evaluated(records, author, undefined, [authenticated])).result).toBe(result)
  })

  const two = { 'example.com': p('p=reject'), 'signing.example.com': p('p=none') }

  test('§B.4.1: the highest record is that of the organization', async () => {
    expect(
      await evaluated(two, 'example.com', 'example.com', ['signing.example.com']),
    ).toMatchObject({
      result: 'pass',
      policyDomain: 'example.com',
      alignment: { spf: 'example.com', dkim: 'signing.example.com' },
    })
  })

  test('§B.4.2: of a deep name eight are asked for', async () => {
    const author = 'a.b.c.d.e.f.g.h.i.j.k.example.com'
    const found = await evaluated(two, author, 'example.com', ['signing.example.com'])
    expect(found).toMatchObject({
      result: 'pass',
      policyDomain: 'example.com',
      alignment: { spf: 'example.com', dkim: 'signing.example.com' },
    })
    expect(found.asked).toEqual([
      ...[`_dmarc.${author}`, '_dmarc.g.h.i.j.k.example.com', '_dmarc.h.i.j.k.example.com'],
      ...['_dmarc.i.j.k.example.com', '_dmarc.j.k.example.com', '_dmarc.k.example.com'],
      ...['_dmarc.example.com', '_dmarc.com', '_dmarc.signing.example.com'],
    ])
  })

  test('§B.4.3: below a public suffix each is an organization of its own', async () => {
    const bank = { 'bank.example': p('p=reject; psd=y'), 'giant.bank.example': p('p=quarantine') }
    const signed = ['mail.mega.bank.example']
    const author = 'giant.bank.example'
    expect(await evaluated(bank, author, `mail.${author}`, signed)).toMatchObject({
      result: 'pass',
      policyDomain: author,
      alignment: { spf: 'mail.giant.bank.example' },
    })
    expect(await evaluated(bank, author, undefined, signed)).toMatchObject({
      result: 'fail',
      policy: 'quarantine',
      alignment: {},
    })
  })

  test('§5.1: a record that the shortcut passes by is not found', async () => {
    const cut = { 'example.com': p('p=reject'), 'b.c.d.e.f.g.example.com': p('p=none; psd=n') }
    const found = await evaluated(cut, 'mail.a.b.c.d.e.f.g.example.com', undefined)
    expect(found).toMatchObject({ policyDomain: 'example.com', policy: 'reject' })
    expect(found.asked).not.toContain('_dmarc.b.c.d.e.f.g.example.com')
  })

  const walks = [
    // zone, author, who was authenticated, whether both are of one organization, why
    [
      { 'mail.example.com': p('p=none'), 'example.com': p('p=none') },
      ['a.mail.example.com', 'b.example.com', true],
      'the record with the fewest labels',
    ],
    [
      { 'mail.example.com': p('p=none; psd=n'), 'example.com': p('p=none') },
      ['a.mail.example.com', 'b.example.com', false],
      'psd=n ends the walk',
    ],
    [{ com: p('p=none; psd=y') }, ['a.mail.example.com', 'example.com', true], 'one below psd=y'],
    [{ com: p('p=none; psd=y') }, ['a.example.com', 'example.net', false], 'each its own'],
  ] as const
  test.for(walks)('§4.10.2: %j makes %j: %s', async ([zoneOf, [author, other, one]]) => {
    const found = await evaluated(zoneOf, author, undefined, [other])
    expect(found.result).toBe(one ? 'pass' : 'fail')
  })
})

describe('the policy', () => {
  const zone = { 'good.test': p('p=reject; sp=quarantine; np=none') }
  const cases = [
    // what else there is, author, policy, result, why
    [{}, 'good.test', 'reject', 'fail', 'p= for the domain itself'],
    [{ 'A sub.good.test': '192.0.2.1' }, 'sub.good.test', 'quarantine', 'fail', 'sp= below'],
    [{ 'A sub.good.test': 'ENODATA' }, 'sub.good.test', 'quarantine', 'fail', 'no A, but there'],
    [{ 'CNAME sub.good.test': 'gone.test' }, 'sub.good.test', 'quarantine', 'fail', 'an alias'],
    [{}, 'sub.good.test', 'none', 'fail', 'np= for what does not exist (§A.4)'],
    [{ 'A sub.good.test': 'ETIMEOUT' }, 'sub.good.test', 'none', 'temperror', 'not known'],
    [{ 'sub.good.test': p('p=none') }, 'sub.good.test', 'none', 'fail', 'its own comes first'],
    [{ 'sub.good.test': p('p=x') }, 'sub.good.test', undefined, 'none', 'even one without policy'],
    [{ 'good.test': p('p=reject') }, 'sub.good.test', 'reject', 'fail', 'p= where there is no sp='],
  ] as const
  test.for(cases)('%j makes that of %s %s, %s: %s', async ([more, author, policy, result]) => {
    const found = await evaluated({ ...zone, ...more }, author, undefined)
    expect(found).toMatchObject({ result, ...(policy && { policy }) })
    if (policy === undefined) expect(found).not.toHaveProperty('policy')
  })

  test('whether a domain exists is asked only where it matters', async () => {
    for (const tags of [
      'p=reject',
      'p=none; np=none',
      'p=quarantine; sp=none; np=quarantine; t=y',
    ]) {
      const { asked } = await evaluated({ 'good.test': p(tags) }, 'sub.good.test', undefined)
      expect(asked).toEqual(['_dmarc.sub.good.test', '_dmarc.good.test', '_dmarc.test'])
    }
  })

  test('that nobody can tell the policy does not matter to a message that passes', async () => {
    const more = { ...zone, 'A sub.good.test': 'ETIMEOUT' }
    expect(await evaluated(more, 'sub.good.test', 'good.test')).toMatchObject({
      result: 'pass',
      policy: 'none',
    })
  })
})

describe('alignment', () => {
  const zone = { 'good.test': p('p=reject') }

  test('of the same domain nothing but its record is asked for', async () => {
    const { asked } = await evaluated(zone, 'good.test', 'good.test', ['GOOD.test.'])
    expect(asked).toEqual(['_dmarc.good.test'])
  })

  test('of what is not below the organization nothing is asked for', async () => {
    const record = '_dmarc.good.test'
    const far = await evaluated(zone, 'good.test', 'other.example', ['evil.example'])
    expect(far).toMatchObject({ result: 'fail', asked: [record] })
    const near = await evaluated(zone, 'good.test', 'other.test', ['evilgood.test'])
    expect(near).toMatchObject({ result: 'fail', asked: [record, '_dmarc.test'] })
  })

  test('of several signatures the one that leaves out least is told', async () => {
    const found = await evaluated(zone, 'good.test', undefined, [
      ['a.good.test', 'pass', 9],
      ['b.good.test', 'pass', 3],
      ['c.good.test', 'fail'],
    ])
    expect(found).toMatchObject({
      result: 'pass',
      alignment: { dkim: 'b.good.test' },
      partial: true,
    })
  })

  test('a signature of part of the body is enough beside SPF, or beside a whole one', async () => {
    const cut = ['good.test', 'pass', 3] as const
    expect(await evaluated(zone, 'good.test', undefined, [cut])).toMatchObject({ partial: true })
    for (const found of [
      await evaluated(zone, 'good.test', 'good.test', [cut]),
      await evaluated(zone, 'good.test', undefined, [cut, ['a.good.test', 'pass', 0]]),
    ])
      expect(found).toMatchObject({ result: 'pass', partial: false })
  })

  test('of invalid signatures it is told as well, and they prove nothing', async () => {
    const found = await evaluated(zone, 'good.test', undefined, [
      ['Sub.good.test', 'fail'],
      ['other.test', 'pass'],
    ])
    expect(found).toMatchObject({ result: 'fail', alignment: {} })
    expect([...found.aligned]).toEqual(['Sub.good.test'])
  })

  test('without a policy the Public Suffix List has to do', async () => {
    const signed = ['good.co.uk', 'sub.good.co.uk', 'other.co.uk', '', 'co.uk', '.'.repeat(50_000)]
    for (const zoneOf of [{}, { uk: 'ETIMEOUT' }]) {
      const { aligned, result } = await evaluated(zoneOf, 'a.good.co.uk', undefined, signed)
      expect(result).toBe('uk' in zoneOf ? 'temperror' : 'none')
      expect([...aligned]).toEqual(['good.co.uk', 'sub.good.co.uk'])
    }
  })

  test('more than ten walks are not made: whom they leave open might have vouched', async () => {
    const names = Array.from({ length: 12 }, (_, index) => `s${index}.good.test`)
    const none = { ...zone, ...Object.fromEntries(names.map((name) => [name, p('psd=n')])) }
    const found = await evaluated(none, 'good.test', undefined, names)
    expect(found.result).toBe('temperror')
    expect(found.asked).toHaveLength(2 + 10)
    expect(await evaluated(none, 'good.test', undefined, names.slice(2))).toMatchObject({
      result: 'fail',
    })
    // SPF, and what is valid, comes first.
    expect(await evaluated(none, 'good.test', 'spf.good.test', names)).toMatchObject({
      result: 'pass',
    })
    const invalid = names.map((name) => [name, 'fail'] as const)
    expect(await evaluated(none, 'good.test', undefined, [...invalid, 'good.test'])).toMatchObject({
      result: 'pass',
    })
    expect(
      await evaluated(zone, 'good.test', 's0.good.test', [...invalid, 's12.good.test']),
    ).toMatchObject({ alignment: { spf: 's0.good.test', dkim: 's12.good.test' } })
  })
})

describe('where DNS fails', () => {
  const cases = [
    // zone, author, SPF's domain, result, why
    [{ 'good.test': 'ETIMEOUT' }, 'good.test', 'good.test', 'temperror', 'the record'],
    [{ test: 'ESERVFAIL' }, 'good.test', undefined, 'temperror', 'above, and none was found'],
    [{ 'good.test': 'EBUDGET' }, 'sub.good.test', undefined, 'temperror', 'no more questions'],
    [{ 'good.test': 'ENODATA' }, 'good.test', undefined, 'none', 'no data is an answer'],
    [{ 'good.test': 'EBADNAME' }, 'good.test', undefined, 'none', 'so is a name that is none'],
    [
      { 'good.test': p('p=none'), test: 'ETIMEOUT' },
      'good.test',
      'good.test',
      'pass',
      'not needed',
    ],
    [{ 'good.test': p('p=none'), test: 'ETIMEOUT' }, 'good.test', undefined, 'fail', 'nor here'],
    [
      { 'good.test': p('p=none'), test: 'ETIMEOUT' },
      ...(['good.test', 'sub.good.test', 'temperror', 'it might be of one organization'] as const),
    ],
    [
      { 'good.test': p('p=none'), test: 'ETIMEOUT' },
      ...(['good.test', 'sub.example', 'fail', 'this can not'] as const),
    ],
    [
      { 'good.test': p('p=none'), 'sub.good.test': 'ETIMEOUT' },
      ...(['good.test', 'sub.good.test', 'temperror', 'whether it is its own'] as const),
    ],
    [
      { 'good.test': p('p=none; aspf=s'), 'sub.good.test': 'ETIMEOUT' },
      ...(['good.test', 'sub.good.test', 'fail', 'strict alignment does not ask'] as const),
    ],
  ] as const
  test.for(cases)('%j, %s by %s is %s: %s', async ([zone, author, spf, result]) => {
    expect((await evaluated(zone, author, spf)).result).toBe(result)
  })

  const zone = { 'good.test': p('p=reject') }

  test('what could not be checked might have vouched: nobody knows (§5.3.6)', async () => {
    const failed = ['good.test', 'temperror'] as const
    expect(await evaluated(zone, 'good.test', undefined, [failed])).toMatchObject({
      result: 'temperror',
      policy: 'reject',
      alignment: {},
    })
    expect(await evaluated(zone, 'good.test', 'good.test', [failed])).toMatchObject({
      result: 'pass',
    })
  })

  test('what could not be checked and is of somebody else could not have vouched', async () => {
    for (const other of ['other.test', 'good.example', '']) {
      const found = await evaluated(zone, 'good.test', undefined, [[other, 'temperror']])
      expect([other, found.result]).toEqual([other, 'fail'])
    }
  })

  test('SPF may fail to be checked, too', async () => {
    const results = [
      ['temperror', 'good.test', 'temperror'],
      ['temperror', 'other.test', 'fail'],
      ['permerror', 'good.test', 'fail'],
      ['softfail', 'good.test', 'fail'],
    ] as const
    for (const [result, domain, expected] of results) {
      const author = { domain: 'good.test' }
      const { resolve } = resolverOf(zone)
      const found = await evaluateDmarc(author, { domain, result }, [], resolve)
      expect([result, domain, found.result]).toEqual([result, domain, expected])
    }
  })

  test('whatever comes instead of an answer, there is an outcome', async () => {
    const odd = fc.oneof(fc.anything(), fc.constantFrom([['v=DMARC1; p=reject']], [[p('psd=y')]]))
    await fc.assert(
      fc.asyncProperty(
        fc.array(fc.tuple(fc.boolean(), odd), { minLength: 1 }),
        fc.array(fc.string()),
        async (answers, domains) => {
          let turn = 0
          const resolve = async (): Promise<unknown> => {
            const [fails, value] = answers[turn++ % answers.length] ?? []
            if (fails) throw value
            return value
          }
          const signatures = domains.map((domain) => ({ domain, result: 'pass' as const }))
          for (const domain of ['a.good.test', ...domains.filter((each) => each !== '')]) {
            const spf = { domain: 'test', result: 'pass' } as const
            const { result } = await evaluateDmarc({ domain }, spf, signatures, resolve)
            expect(['pass', 'fail', 'none', 'temperror']).toContain(result)
          }
        },
      ),
      { numRuns: 500 },
    )
  })
})

test('a literal and an IP address have no record, and nobody is asked', async () => {
  for (const author of ['[192.0.2.1]', '192.0.2.1', '[ipv6:2001:db8::1]'])
    expect(await evaluated({ '2.1': p('p=reject') }, author, author)).toMatchObject({
      result: 'none',
      asked: [],
    })
})
