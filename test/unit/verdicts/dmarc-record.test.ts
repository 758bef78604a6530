/** DMARC records: what is one, and what it asks for. RFC 9989 §4.7 and §4.10.1 */
import { expect, test } from 'vitest'
import { recordAmong } from '../../../src/verdicts/dmarc/record.ts'

/** `own/existing/missing`, and what else differs from the default; or that it is none. */
function told(...texts: readonly string[]): string {
  const record = recordAmong(texts)
  if (record === undefined) return 'no record'
  const { policies, psd, strictSpf, strictDkim } = record
  const asked = policies && `${policies.own}/${policies.existing}/${policies.missing}`
  const flags = [psd && `psd=${psd}`, strictSpf && 'aspf', strictDkim && 'adkim'].filter(Boolean)
  return [asked ?? 'nothing', ...flags].join(' ')
}

const records = [
  // what follows v=DMARC1, what it asks for, why
  ['; p=reject', 'reject/reject/reject', 'p is for all'],
  ['; p=reject; sp=none', 'reject/none/none', 'sp for what is below'],
  ['; p=none; np=reject', 'none/none/reject', 'np for what is below and not there'],
  ['; sp=none; p=reject; np=quarantine', 'reject/none/quarantine', 'in any order'],
  ['; p=Reject ; SP=none', 'reject/reject/reject', 'values have no case, names do (RFC 6376 §3.2)'],
  ['; p=reject; np=quarantine; t=y', 'quarantine/quarantine/none', 't=y takes the one below'],
  ['; p=none; t=y', 'none/none/none', 'and there is none below none'],
  ['; p=reject; t=n', 'reject/reject/reject', 't=n is the default'],
  ['; p=none; aspf=s; adkim=S', 'none/none/none aspf adkim', 'strict'],
  ['; p=none; aspf=r; adkim=strict', 'none/none/none', 'anything else is relaxed'],
  ['; p=none; psd=y', 'none/none/none psd=y', 'a public suffix'],
  ['; p=none; psd=N', 'none/none/none psd=n', 'an organization'],
  ['; p=none; psd=u', 'none/none/none', 'not known: the default'],
  [' ;p\t=\treject;;', 'reject/reject/reject', 'white space and empty tags'],
  ['; p=reject; nonsense; =x; sp', 'reject/reject/reject', 'what is no tag is passed over (§4.7)'],
  ['; p=reject; pct=0; x=y', 'reject/reject/reject', 'unknown tags are, too'],
  ['', 'nothing', 'no policy'],
  ['; p=rejected', 'nothing', 'no word for a policy'],
  ['; p=', 'nothing', 'nor is none at all'],
  ['; p=reject; sp=no', 'nothing', 'one that is wrong makes all of them wrong'],
  ['; p=reject; np=', 'nothing', 'an empty one is wrong'],
  ['; p=re ject', 'nothing', 'white space within'],
  ['; rua=mailto:a@good.test', 'none/none/none', 'but where to report to is told'],
  ['; p=reject; sp=no; rua=x, mailto:a', 'none/none/none', 'in one URI of a list at least'],
  ['; p=x; np=reject; rua=mailto:a!10m', 'none/none/none', 'with the size that RFC 7489 knew'],
  ['; rua=a@good.test', 'nothing', 'an address is no URI'],
  ['; rua=mailto:a%zz', 'nothing', 'nor is this'],
  ['; p=none; p=reject', 'no record', 'a name twice (RFC 6376 §3.2)'],
  ['; p=reject; x=1; x=1', 'no record', 'an unknown one as well'],
  ['; p=reject; v=DMARC1', 'no record', 'and the version'],
] as const

test.for(records)('v=DMARC1%s asks for %s: %s', ([text, expected]) => {
  expect(told(`v=DMARC1${text}`)).toBe(expected)
})

const versions = [
  // text, whether it is a record, why
  ['v=DMARC1;p=none', true, 'as everybody writes it'],
  [' V\t= DMARC1 ;p=none ', true, 'white space, and the name of the tag in capitals'],
  ['v=dmarc1; p=none', false, 'its value has a case'],
  ['v=DMARC2; p=none', false, 'another version'],
  ['v=DMARC1 p=none', false, 'no semicolon'],
  ['p=none; v=DMARC1', false, 'the version comes first'],
  ['v=spf1 -all', false, 'something else'],
] as const

test.for(versions)('%j is a record: %s, %s', ([text, expected]) => {
  expect(recordAmong([text]) !== undefined).toBe(expected)
})

test('two records are none, one beside something else is one (§4.10), two versions are none', () => {
  expect(told('v=DMARC1; p=none', 'v=DMARC1; p=none')).toBe('no record')
  expect(told('v=DMARC1; p=none', 'v=DMARC1; p=none; p=none')).toBe('no record')
  expect(told('v=spf1 -all', 'v=DMARC1; p=none')).toBe('none/none/none')
  expect(told()).toBe('no record')
  expect(told('V=DMARC1; p=none; v=DMARC1')).toBe('no record')
})

test('a record that is made to be slow to read is not', () => {
  const start = performance.now()
  for (const each of [
    ';'.repeat(200_000),
    `;rua=${'a:,'.repeat(50_000)}`,
    `;rua=a:${'!1'.repeat(50_000)}`,
  ])
    told(`v=DMARC1${each}`)
  told(`v${' '.repeat(200_000)}x`)
  expect(performance.now() - start).toBeLessThan(1000)
})
