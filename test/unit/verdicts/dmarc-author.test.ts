/** From whom a message says it is: one domain, or none that DMARC could ask. RFC 9989 §5.3.1 */
import { expect, test } from 'vitest'
import { rawFields } from '../../../src/verdicts/dkim/fields.ts'
import { authorOf } from '../../../src/verdicts/dmarc/author.ts'

const authorIn = (header: string) => {
  const author = authorOf(rawFields(Buffer.from(header)))
  return author.domain ?? author.reason
}

const froms = [
  // From, domain or reason, why
  ['Ada <ada@Good.TEST>', 'good.test', 'case means nothing'],
  ['ada@good.test', 'good.test', 'no brackets'],
  ['Ada\r\n <ada@good.test>', 'good.test', 'folded'],
  ['<a@good.test>, <b@GOOD.test.>', 'good.test', 'two mailboxes of one domain'],
  ['friends: <a@good.test>, b@good.test;', 'good.test', 'a group of one domain'],
  ['<a@bücher.test>', 'xn--bcher-kva.test', 'a U-label'],
  ['<a@good.test(x)>', 'from-missing', 'within brackets there are no comments'],
  ['a (b@evil.test) @ good.test', 'good.test', 'outside there are'],
  ['"b@evil.test" <a@good.test>', 'good.test', 'a name is no address'],
  ['<"b@evil.test"@good.test>', 'good.test', 'nor is a quoted string in the local part'],
  ['<"b\\"@evil.test"@good.test>', 'good.test', 'with a quoted quote in it'],
  ['<@evil.test,@evil.example:a@good.test>', 'good.test', 'the obsolete route (RFC 5322 §4.4)'],
  ['<a@[192.0.2.1]>', '[192.0.2.1]', 'a literal, which has no policy'],
  ['<a@[IPv6:2001:DB8::1]>', '[ipv6:2001:db8::1]', 'another'],
  ['<a@[b@evil.test]>', '[b@evil.test]', 'an @ may stand in one (RFC 5322 §3.4.1)'],
  ['<a@[b@evil.test>', 'from-missing', 'but it needs its end'],
  ['<a@good.test>, <b@evil.test>', 'from-several', 'two domains'],
  ['<a@good.test@evil.test>', 'from-several', 'a reader may take either'],
  ['<"a@evil.test>, <b"@good.test>', 'from-several', 'a quote without an end hides nobody'],
  ['<a@"@evil.test@"@good.test>', 'from-several', 'nor does one behind an @'],
  ['<a@good.test>, <b@>', 'from-invalid', 'who is the second?'],
  ['<a@good.test>, <good.test>', 'from-invalid', 'without an @ it is no address, even of a domain'],
  ['<a@good.test>, <b@evil test>', 'from-invalid', 'white space in a domain'],
  ['<a@evil.test>, <b@good.test>, <c>', 'from-invalid', 'invalid comes before several'],
  ['<good.test>', 'from-missing', 'no address at all'],
  ['<a@.>', 'from-missing', 'the root is no domain'],
  ['<>', 'from-missing', 'an empty one'],
  ['', 'from-missing', 'nothing'],
] as const

test.for(froms)('From: %s is %s: %s', ([from, expected]) => {
  expect(authorIn(`Subject: x\r\nFrom: ${from}\r\nTo: b@here.test\r\n\r\n`)).toBe(expected)
})

test('no From field is missing, two are several, of one domain as well', () => {
  expect(authorIn('X-From: <a@good.test>\r\n\r\n')).toBe('from-missing')
  expect(authorIn('From: <a@good.test>\r\nfrom : <b@good.test>\r\n\r\n')).toBe('from-several')
  expect(authorIn('From: <a@good.test>\r\nFrom:\r\n\r\n')).toBe('from-several')
})

test('what is made to be slow to read is not', () => {
  const start = performance.now()
  const dots = '.'.repeat(200_000)
  for (const each of [`<a@${dots}x>`, `<${'"'.repeat(99_999)}@x>`, `<${'a@'.repeat(100_000)}>`])
    authorIn(`From: ${each}\r\n\r\n`)
  authorIn(`From: <a@${'[@'.repeat(100_000)}>\r\n\r\n`)
  authorIn(`From: <a@${'ü.'.repeat(100_000)}>\r\n\r\n`)
  expect(performance.now() - start).toBeLessThan(2000)
})
