/** Two evaluators, one opinion: ours and mailauth's, on names and messages made to find where they differ. */
import { createRequire } from 'node:module'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { dnsError } from '../../../src/dns/resolver.ts'
import { parseAddressList } from '../../../src/mail/address-list.ts'
import type { DkimResult } from '../../../src/mail/verdict.ts'
import { contentOf, rawFields } from '../../../src/verdicts/dkim/fields.ts'
import { authorOf } from '../../../src/verdicts/dmarc/author.ts'
import { type Dmarc, evaluateDmarc } from '../../../src/verdicts/dmarc/evaluate.ts'
import { plainName } from '../../../src/verdicts/names.ts'

type Theirs = {
  readonly reason?: string
  readonly dkimAligned?: ReadonlySet<string>
  readonly response:
    | false
    | {
        readonly status: { readonly result: string; readonly header: { readonly from: string } }
        readonly policyDomain?: string
        readonly policy?: string
        readonly testMode?: boolean
        readonly alignment?: {
          readonly spf: { readonly result?: string }
          readonly dkim: { readonly result?: string; readonly underSized?: number }
        }
      }
}
const require = createRequire(import.meta.url)
const mailauth = require('mailauth/lib/dmarc/verify.js') as {
  evaluateDmarc: (options: object) => Promise<Theirs>
}
const { getAlignment } = require('mailauth/lib/tools.js') as {
  getAlignment: (from: string, domains: readonly string[]) => object | false
}

// Names: one tree, of which the author's domain, SPF's and those of signatures are parts.

/** Ten labels, the last a U-label below `test`. */
const trunk = ['h', 'g', 'f', 'e', 'd', 'c', 'b', 'a', 'bücher', 'test']
const nameOf = (depth: number): string => trunk.slice(-depth).join('.')
const inTree = fc
  .record({
    depth: fc.oneof(
      { weight: 4, arbitrary: fc.integer({ min: 2, max: 4 }) },
      { weight: 1, arbitrary: fc.integer({ min: 1, max: 10 }) },
    ),
    below: fc.constantFrom('', '', '', 'x.', 'x.y.', 'x.'),
  })
  .map(({ depth, below }) => `${below}${nameOf(depth)}`)
const form = fc.constantFrom<(name: string) => string>(
  (name) => name,
  (name) => name,
  (name) => plainName(name),
  (name) => name.toUpperCase(),
  (name) => name.normalize('NFD'),
  (name) => `${name}.`,
)
const written = fc.tuple(inTree, form).map(([name, change]) => change(name))
const elsewhere = fc.constantFrom('other.test', 'a.other.example', 'test', 'co.uk', '192.0.2.1', '')
const identifier = fc.oneof({ weight: 6, arbitrary: written }, { weight: 1, arbitrary: elsewhere })

// Zones: what stands at `_dmarc.` of the names of the tree, and which of the names are there.

const failures = ['ESERVFAIL', 'ETIMEOUT', 'EREFUSED', 'EBADRESP', 'EBUDGET']
const policy = fc.constantFrom('none', 'quarantine', 'reject', 'Reject')
const tag = fc.oneof(
  fc.tuple(fc.constantFrom('sp', 'np'), policy).map(([name, value]) => `${name}=${value}`),
  fc.constantFrom('psd=y', 'psd=n', 'psd=u', 'psd = Y', 't=y', 't=n', 't=Y'),
  fc.constantFrom('adkim=s', 'aspf=s', 'adkim=r', 'aspf=S', 'adkim=strict'),
  fc.constantFrom('rua=mailto:a@b.test', 'rua=a@b.test', 'rua=:x,https://b.test/%zz', 'rua='),
  fc.constantFrom('rua=a, mailto:b@c.test!10m ,', 'rua=mailto:a!b@c.test', 'ruf=mailto:a@b.test'),
  fc.constantFrom('sp=', 'np=no', 'p=none', 'P=reject', 'PSD=y', 'pct=0', 'x=1', 'nonsense', '=y'),
  fc.constantFrom('', ' ', 'fo=1:d', 'v=DMARC1', 'rf=afrf', '__proto__=x', 'constructor=y'),
)
const version = fc.oneof(
  { weight: 12, arbitrary: fc.constant('v=DMARC1') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...[' v\t= DMARC1 ', 'V=DMARC1', 'v=dmarc1', 'v=DMARC11', 'v=DMARC1 x', 'v DMARC1', 'x=1'],
    ),
  },
)
const first = fc.oneof(
  { weight: 10, arbitrary: policy.map((word) => `p=${word}`) },
  { weight: 1, arbitrary: fc.constantFrom('p=', 'p=rejected', 'p = none ', 'x=p', 'p=\tREJECT') },
)
const record = fc
  .tuple(version, first, fc.array(tag, { maxLength: 4 }), fc.constantFrom(';', '; ', ' ;\t'))
  .map(([start, p, tags, separator]) => [start, p, ...tags].join(separator))
const texts = fc.oneof(
  { weight: 8, arbitrary: record.map((text) => [text]) },
  { weight: 1, arbitrary: fc.tuple(record, fc.oneof(record, fc.constant('v=spf1 -all'))) },
)
type Answer = readonly string[] | string
const answer: fc.Arbitrary<Answer> = fc.oneof(
  { weight: 8, arbitrary: fc.constantFrom('ENOTFOUND', 'ENODATA', 'EBADNAME', 'ENOTFOUND') },
  { weight: 5, arbitrary: texts },
  { weight: 1, arbitrary: fc.constantFrom(...failures) },
)
const zone = fc.record({
  /** At the names of the trunk, `test` first. */
  trunk: fc.array(answer, { minLength: trunk.length, maxLength: trunk.length }),
  below: answer,
  elsewhere: answer,
  host: fc.constantFrom('ENOTFOUND', 'ENOTFOUND', 'ENODATA', 'A', ...failures),
  alias: fc.constantFrom('ENOTFOUND', 'ENOTFOUND', 'CNAME', ...failures),
})
type Zone = typeof zone extends fc.Arbitrary<infer T> ? T : never

function resolverOf(given: Zone) {
  const names = new Map(given.trunk.map((each, index) => [plainName(nameOf(index + 1)), each]))
  return async (name: string, type: string): Promise<unknown> => {
    if (name.length > 253 || !name.split('.').every((label) => /^[!-~]{1,63}$/.test(label)))
      throw dnsError('EBADNAME', name)
    if (type !== 'TXT') {
      const found = type === 'A' ? given.host : given.alias
      if (found !== type) throw dnsError(found, name)
      return ['192.0.2.1']
    }
    const domain = name.replace('_dmarc.', '')
    const isBelow = domain.endsWith(plainName(nameOf(2)))
    const found = names.get(domain) ?? (isBelow ? given.below : given.elsewhere)
    if (typeof found === 'string') throw dnsError(found, name)
    return found.map((text) => [text.slice(0, 12), text.slice(12)])
  }
}

// From fields: one honest mailbox most often, else what should make nobody an author.

const mailbox = fc.oneof(
  { weight: 6, arbitrary: fc.constantFrom('<a@D>', 'a@D', '"E <b@E>" <a@D>', 'Ada\r\n\t<a@D>') },
  {
    weight: 1,
    arbitrary: fc.constantFrom(
      ...['<a@D@E>', 'a@E@D', '<"a@E"@D>', '"a@E"@D', '<"a@D>', '<"a\\"@E"@D>', '<a"@E"@D>'],
      ...[
        '<a@[192.0.2.1]>',
        '<a@[IPv6:2001:db8::1]>',
        '<a@[192.0.2.1>',
        '<a@192.0.2.1>',
        '<a@[@D]>',
      ],
      ...['<@E:a@D>', '<@E,@E:a@D>', '<@D>', '<a@>', '<a@.>', '<a@..D>', '<a@D..>'],
      ...['friends: a@D, b@E;', 'a (b@E) @ D', '<a@D D>', '<a@ D >', '<a@D:E>', '<a@D,b@E>', '<>'],
      ...['<a@D(x)>', 'undisclosed:;', '<@@D>', '<a@D\\>', '<a@D/E>', '<a@D%E>', '<a@D>b@E'],
    ),
  },
  {
    weight: 1,
    arbitrary: fc
      .array(fc.constantFrom('@', '@', '"', '\\', '[', ']', ':', ' ', '.', 'a', 'D', 'ü', ';'))
      .map((pieces) => `<${pieces.join('')}>`),
  },
)
const fromField = fc
  .tuple(
    fc.oneof(
      { weight: 8, arbitrary: mailbox },
      { weight: 1, arbitrary: fc.array(mailbox, { maxLength: 4 }).map((all) => all.join(', ')) },
    ),
    identifier,
    identifier,
  )
  .map(([text, D, E]) => text.replaceAll('D', D).replaceAll('E', E))
const fromFields = fc.oneof(
  { weight: 12, arbitrary: fromField.map((text) => [text]) },
  { weight: 1, arbitrary: fc.array(fromField, { maxLength: 2 }) },
)

/** Not temperror: mailauth is told of what is valid only, and says `fail` where RFC 9989 §5.3.6 says that nobody knows. */
const signature = fc
  .record({
    domain: identifier,
    result: fc.constantFrom<DkimResult>('pass', 'pass', 'fail', 'neutral'),
    unsigned: fc.option(fc.nat({ max: 2 }), { nil: undefined, freq: 2 }),
  })
  .map(({ domain, result, unsigned }) => ({
    domain,
    result,
    ...(unsigned === undefined ? {} : { body: { signed: 10 - unsigned, total: 10 } }),
  }))

const words: Readonly<Record<string, string>> = {
  'no-author-domain': 'from-missing',
  'multiple-from-fields': 'from-several',
  'multiple-author-domains': 'from-several',
  'invalid-author-domain': 'from-invalid',
}

/** In our words, but for what only we say of invalid signatures. */
function translated({ response, reason = '' }: Theirs) {
  if (response === false) return { result: 'skipped', reason: words[reason] }
  const { status, policy, policyDomain, alignment } = response
  const told = { result: status.result, domain: status.header.from.replace(/\.+$/, '') }
  if (policy === undefined) return told
  const spf = alignment?.spf.result
  const { result: dkim, underSized = 0 } = alignment?.dkim ?? {}
  return {
    ...told,
    policyDomain,
    policy,
    alignment: { ...(spf && { spf }), ...(dkim && { dkim }) },
    partial: !spf && dkim !== undefined && underSized > 0,
  }
}

/**
 * Where we leave mailauth 7.1.0 and follow the standards: to it `<good.test>` is an address at good.test (RFC 5322
 * §3.4.1 knows none without `@`); it takes a route away where parseAddressList has taken one already, of which there
 * is one at most (§4.4); and it makes A-labels of what has no U-labels, a literal or a name with `%`.
 */
function isOurs(addresses: readonly string[]): boolean {
  return addresses.some(
    (each) =>
      !each.includes('@') ||
      /^\s*@.*:/s.test(each) ||
      (/[[\]%/]/.test(each) && /[^\x00-\x7f]/.test(each)),
  )
}

/**
 * Of `t=y` one policy may be left: mailauth still wants to know whether the domain exists, and says temperror where
 * nobody can tell.
 */
function isIndifferent(ours: Dmarc, { response }: Theirs): boolean {
  return (
    ours.result === 'fail' &&
    ours.policy === 'none' &&
    response !== false &&
    response.testMode === true &&
    response.status.result === 'temperror'
  )
}

test('of any message and whatever DNS says, both evaluators say the same', async () => {
  const seen = new Map<string, number>()
  const count = (what: string): unknown => seen.set(what, (seen.get(what) ?? 0) + 1)
  await fc.assert(
    fc.asyncProperty(
      fromFields,
      zone,
      fc.option(identifier, { nil: undefined, freq: 2 }),
      fc.array(signature, { maxLength: 4 }),
      async (froms, given, spf, signatures) => {
        const fields = rawFields(Buffer.from(froms.map((each) => `From: ${each}\r\n`).join('')))
        const headerFrom = fields.flatMap((each) =>
          parseAddressList(
            Buffer.from(contentOf(each), 'latin1').toString().replace(/\r\n/g, ''),
          ).map(({ address }) => address),
        )
        fc.pre(!isOurs(headerFrom))
        const resolver = resolverOf(given)
        const theirsOf = (signed: typeof signatures) =>
          mailauth.evaluateDmarc({
            headerFrom,
            fromFields: fields.length,
            spfDomains: spf === undefined ? [] : [spf],
            dkimDomains: signed.map(({ domain, body }) => ({
              domain,
              underSized: body === undefined ? 0 : body.total - body.signed,
            })),
            resolver,
            strict: true,
          })
        const ours: Dmarc = await evaluateDmarc(
          authorOf(fields),
          spf === undefined ? { domain: 'test', result: 'fail' } : { domain: spf, result: 'pass' },
          signatures,
          resolver,
        )
        const { aligned, ...told } = ours
        const theirs = await theirsOf(signatures.filter(({ result }) => result === 'pass'))
        expect(told).toEqual(isIndifferent(ours, theirs) ? expect.anything() : translated(theirs))

        // Of signatures that are not valid mailauth is asked as if they were.
        const { dkimAligned } = await theirsOf(signatures)
        for (const { domain } of signatures) {
          const name = plainName(domain)
          const expected =
            ours.result !== 'skipped' &&
            name !== '' &&
            (ours.policy === undefined
              ? getAlignment(ours.domain, [name]) !== false
              : dkimAligned?.has(name))
          expect([domain, aligned.has(domain)]).toEqual([domain, expected])
        }

        if (ours.result === 'skipped') count(ours.reason)
        else {
          count(ours.policy === undefined ? ours.result : `${ours.result} with a policy`)
          if (ours.policy === undefined) return
          const { domain, policyDomain, alignment } = ours
          count(`policy ${ours.policy}`)
          count(domain === policyDomain ? 'own record' : 'inherited')
          if (ours.partial) count('partial')
          for (const each of [alignment.spf, alignment.dkim].filter((name) => name !== undefined))
            count(plainName(each) === domain ? 'same domain' : 'same organization')
        }
      },
    ),
    { numRuns: 3000 },
  )
  // Both saying `none` of everything would be no agreement worth having.
  const kinds = [
    ...['from-missing', 'from-several', 'from-invalid', 'none', 'temperror'],
    ...['pass with a policy', 'fail with a policy', 'temperror with a policy', 'partial'],
    ...['policy none', 'policy quarantine', 'policy reject', 'own record', 'inherited'],
    ...['same domain', 'same organization'],
  ]
  expect(kinds.filter((each) => (seen.get(each) ?? 0) < 5)).toEqual([])
})
