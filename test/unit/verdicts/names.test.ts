/** Domain names: U-labels as A-labels, and nothing that a reader of URLs would make of them. */
import { expect, test } from 'vitest'
import { isAtOrBelow, isDomainName, plainName } from '../../../src/verdicts/names.ts'

const names = [
  // name, as compared, why
  ['Example.TEST', 'example.test', 'case means nothing'],
  [' example.test. ', 'example.test', 'the dot of the root is no part of it'],
  ['example.test...', 'example.test', 'nor are more of them'],
  ['.', '', 'the root alone has no name'],
  ['bücher.test', 'xn--bcher-kva.test', 'a U-label (RFC 5890 §2.3)'],
  ['BU\u0308CHER.test', 'xn--bcher-kva.test', 'in another case and another normal form'],
  ['例え。テスト', 'xn--r8jz45g.xn--zckzah', 'the full stop of Japanese'],
  ['straße.test', 'xn--strae-oqa.test', 'IDNA 2008 keeps ß'],
  ['_dmarc.bücher.test', '_dmarc.xn--bcher-kva.test', 'underscores stay'],
  ['xn--a.bücher.test', 'xn--a.xn--bcher-kva.test', 'one bad label does not save the others'],
  ['evil.test#ü.bank.test', 'evil.test#ü.bank.test', 'a fragment to a URL, no end to a name'],
  ['evil.test/ü', 'evil.test/ü', 'a path to a URL'],
  ['ü%2eevil.test', 'ü%2eevil.test', 'an escape to a URL'],
  ['１.２.example.test', '1.2.example.test', 'digits, and no IPv4 address'],
  ['\u00ad.test', '.test', 'what is nothing leaves an empty label, which DNS has not'],
  ['[ü]', '[ü]', 'a literal is no name'],
] as const

test.for(names)('%s compares as %s: %s', ([name, plain]) => {
  expect(plainName(name)).toBe(plain)
})

test('what only a URL would find a name in is none', () => {
  for (const name of ['evil.test#ü', 'evil.test/ü', 'evil.test?ü', '%65vil.tést%', 'evil.test:ü'])
    expect(isDomainName(name)).toBe(false)
})

test('a name is below another by whole labels', () => {
  expect(isAtOrBelow('a.bücher.test', 'xn--bcher-kva.TEST.')).toBe(true)
  expect(isAtOrBelow('evilexample.test', 'example.test')).toBe(false)
})

test('a name of dots, and one of a single label without an end, take no time', () => {
  const start = performance.now()
  plainName(`${'.'.repeat(200_000)}x`)
  plainName('例'.repeat(200_000))
  plainName('ü.'.repeat(100_000))
  expect(performance.now() - start).toBeLessThan(1000)
})
