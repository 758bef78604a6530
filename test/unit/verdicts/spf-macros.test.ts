/** Macros of SPF: RFC 7208's own examples, what is one by its grammar, and that nothing written costs much. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  expand,
  isMacroString,
  parseDomainSpec,
  uses,
  type Values,
} from '../../../src/verdicts/spf/macros.ts'
import { isDomain, plainDomain, targetName } from '../../../src/verdicts/spf/names.ts'

const values: Values = {
  s: 'strong-bad@email.example.com',
  l: 'strong-bad',
  o: 'email.example.com',
  d: 'email.example.com',
  i: '192.0.2.3',
  p: 'mail.example.com',
  v: 'in-addr',
  h: 'mx.example.org',
}
const six: Partial<Values> = {
  i: '2.0.0.1.0.d.b.8.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.c.b.0.1',
  v: 'ip6',
}

const expanded = (text: string, given: Partial<Values> = {}): string | undefined => {
  const spec = parseDomainSpec(text)
  return spec && expand(spec, { ...values, ...given })
}

const expansions = [
  // text, expanded, given, why
  ['%{s}', 'strong-bad@email.example.com', {}, '§7.4'],
  ['%{o}', 'email.example.com', {}, '§7.4'],
  ['%{d}', 'email.example.com', {}, '§7.4'],
  ['%{d4}', 'email.example.com', {}, '§7.4: there are no more parts than three'],
  ['%{d3}', 'email.example.com', {}, '§7.4'],
  ['%{d2}', 'example.com', {}, '§7.4'],
  ['%{d1}', 'com', {}, '§7.4'],
  ['%{dr}', 'com.example.email', {}, '§7.4'],
  ['%{d2r}', 'example.email', {}, '§7.4'],
  ['%{l}', 'strong-bad', {}, '§7.4'],
  ['%{l-}', 'strong.bad', {}, '§7.4'],
  ['%{lr}', 'strong-bad', {}, '§7.4'],
  ['%{lr-}', 'bad.strong', {}, '§7.4'],
  ['%{l1r-}', 'strong', {}, '§7.4'],
  ['%{ir}.%{v}._spf.%{d2}', '3.2.0.192.in-addr._spf.example.com', {}, '§7.4'],
  ['%{lr-}.lp._spf.%{d2}', 'bad.strong.lp._spf.example.com', {}, '§7.4'],
  [
    '%{lr-}.lp.%{ir}.%{v}._spf.%{d2}',
    'bad.strong.lp.3.2.0.192.in-addr._spf.example.com',
    {},
    '§7.4',
  ],
  ['%{ir}.%{v}.%{l1r-}.lp._spf.%{d2}', '3.2.0.192.in-addr.strong.lp._spf.example.com', {}, '§7.4'],
  ['%{d2}.trusted-domains.example.net', 'example.com.trusted-domains.example.net', {}, '§7.4'],
  [
    '%{ir}.%{v}._spf.%{d2}',
    '1.0.b.c.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.0.8.b.d.0.1.0.0.2.ip6._spf.example.com',
    six,
    '§7.4, IPv6',
  ],
  ['%{p}.%{h}', 'mail.example.com.mx.example.org', {}, 'the other letters'],
  ['a%%b%_c%-d.test', 'a%b c%20d.test', {}, 'what a percent sign stands for (§7.1)'],
  ['%{L}', '~jack%26jill%3Dup-a_b3.c', { l: '~jack&jill=up-a_b3.c' }, 'as in a URL (§7.3)'],
  ['%{L}', '%21%27%28%29%2A', { l: "!'()*" }, 'those too are not unreserved (RFC 3986 §2.3)'],
  ['%{H}', '%C3%BC%EF%BF%BD', { h: 'ü\ud800' }, 'octets of UTF-8; what is no character at all'],
  ['%{D1R}', 'email', {}, 'all letters may be in upper case'],
  ['%{l2r+-}', 'bar.foo', { l: 'foo-bar+zip+quux' }, 'several delimiters'],
  ['%{l./}', 'a.b.c', { l: 'a/b.c' }, 'the dot among others'],
  ['%{l-}', 'a.b.c', { l: 'a.b-c' }, 'without it a dot is no delimiter, but comes out as one'],
  ['%{l-}', '.a..', { l: '-a--' }, 'parts may be empty'],
  ['%{l1-}', '', { l: 'a-' }, 'and the last of them, too'],
  ['%{l1r-}', '', { l: '-a' }, 'or the first'],
  ['%{d99999999999r}', 'com.example.email', {}, 'a number has as many digits as it likes'],
] as const

test.for(expansions)('%s is %s with %j: %s', ([text, result, given]) => {
  expect(expanded(text, given)).toBe(result)
})

const domainSpecs = [
  // text, whether it is a domain-spec, why
  ['example.com', true, 'a name'],
  ['example.com.', true, 'with the dot of the root'],
  ['example.com..', false, 'one dot only'],
  ['com', false, 'a dot and a top label are at the end'],
  ['com.', false, 'a dot at the end does not help'],
  ['.com', true, 'nothing has to be before'],
  ['', false, 'empty'],
  ['a..b.test', true, 'labels may be empty: by the grammar it is one'],
  ['foo:bar/baz.example.com', true, 'any visible character'],
  ['abc.123', false, 'a top label is not a number'],
  ['abc.1a', true, 'nor has it to begin with a letter'],
  ['abc.1-2', true, 'nor to have one, with a hyphen'],
  ['abc.-a', false, 'a hyphen is not at its beginning'],
  ['abc.a-', false, 'and not at its end'],
  ['abc.a_b', false, 'no underscore in it'],
  ['%{d}', true, 'a macro'],
  ['a%%', true, 'a percent sign is one, too'],
  ['%{d}.', false, 'behind a macro a dot is not a top label'],
  ['%{d}com', false, 'nor is a top label without a dot'],
  ['%{d}.com', true, 'both'],
  ['%{d', false, 'not closed'],
  ['%{}.test', false, 'without a letter'],
  ['%{x}.test', false, 'an unknown letter'],
  ['%{dd}.test', false, 'two letters'],
  ['%{d-r}.test', false, 'in another order'],
  ['%{d0}.test', false, 'no part (§7.1)'],
  ['%{d00}.test', false, 'written longer'],
  ['%{d!}.test', false, 'no delimiter'],
  ['%{ d}.test', false, 'a space'],
  ['%a.test', false, 'a percent sign alone'],
  ['a.test%', false, 'at the end'],
  ['%(d).test', false, 'other brackets'],
  ['%{c}.test', false, 'of explanations only (§7.2)'],
  ['%{R}.test', false, 'of explanations only'],
  ['%{t}.test', false, 'of explanations only'],
] as const

test.for(domainSpecs)('domain-spec %j: %s, %s', ([text, valid]) => {
  expect(parseDomainSpec(text) !== undefined).toBe(valid)
})

test.for([
  ['', true],
  ['+', true],
  ['%{c}%{r}%{t}', true],
  ['%abc', false],
  ['a%', false],
] as const)('unknown modifiers have macro strings: %j, %s', ([text, valid]) => {
  expect(isMacroString(text)).toBe(valid)
})

test('which letters a domain-spec uses, in upper case too', () => {
  const spec = parseDomainSpec('%%{p}.%{L}.%{d}')
  expect(spec && ['l', 'd', 'p', 'sl'].map((each) => uses(spec, each))).toEqual([
    true,
    true,
    false,
    true,
  ])
})

const label = (octets: number): string => 'x'.repeat(octets)
const of253 = `${label(59)}.${`${label(63)}.`.repeat(3)}a`

const targets = [
  // expanded, name, why
  ['a.test', 'a.test', 'as it is'],
  ['a.test.', 'a.test', 'without the dot of the root'],
  ['a b%!.test', 'a b%!.test', 'any character'],
  ['test', undefined, 'one label'],
  ['a.test..', undefined, 'an empty label at the end'],
  ['a..test', undefined, 'an empty label'],
  ['.test', undefined, 'an empty label at the beginning'],
  ['', undefined, 'nothing'],
  [`${label(63)}.test`, `${label(63)}.test`, 'the longest label'],
  [`${label(64)}.test`, undefined, 'a longer one'],
  [`a.${label(64)}`, undefined, 'a longer top label'],
  ['192.0.2.1', undefined, 'an address'],
  ['[192.0.2.1]', undefined, 'an address as a domain'],
  ['ü.test', undefined, 'not ASCII'],
  ['a\u0001.test', undefined, 'a control character'],
  [of253, of253, 'the longest name'],
  [`${of253}.`, of253, 'and a dot'],
  [`.${of253}`, of253, 'too long: what is left of it is cut (§7.3)'],
  [`a.b.c.${of253}`, of253, 'label by label'],
  [`x${of253}`, of253.slice(60), 'whole labels'],
  [`${label(300)}`, undefined, 'nothing to cut'],
  [`a.${label(300)}`, undefined, 'nothing is left'],
] as const

test.for(targets)('the name to ask for of %j is %j: %s', ([text, name]) => {
  expect(of253).toHaveLength(253)
  expect(targetName(text)).toBe(name)
})

const domains = [
  // HELO or a sender's domain, what is judged, why
  ['Mail.Example.TEST', 'mail.example.test', 'in lower case'],
  ['example.test.', 'example.test', 'without the dot of the root: §4.3 has nothing against it'],
  ['exämple.test', 'xn--exmple-cua.test', 'A-labels (RFC 8616 §4)'],
  ['EXÄMPLE.test', 'xn--exmple-cua.test', 'whatever the case'],
  ['_spf.example.test', '_spf.example.test', 'DNS has underscores'],
  ['-a-.example.test', '-a-.example.test', 'and hyphens anywhere'],
  ['example.1a', 'example.1a', 'a top label as §7.1 has it'],
  ['test', undefined, 'one label (§4.3)'],
  ['a..test', undefined, 'an empty label'],
  ['example.test..', undefined, 'at the end'],
  [`${label(64)}.test`, undefined, 'a label that is too long'],
  [`${label(63)}.test`, `${label(63)}.test`, 'the longest'],
  [`x.${of253}`, undefined, 'too long'],
  ['[192.0.2.1]', undefined, 'an address'],
  ['192.0.2.1', undefined, 'a bare one'],
  ['a b.test', undefined, 'a space'],
  ['a%b.test', undefined, 'what no domain has'],
  ['a@b.test', undefined, 'a mailbox'],
  ['', undefined, 'nothing'],
  ['\ud800.test', undefined, 'no character'],
] as const

test.for(domains)('of a sender at %j %j is judged: %s', ([text, domain]) => {
  const name = plainDomain(text)
  expect(isDomain(name) ? name : undefined).toBe(domain)
})

test('of a long expansion as much is made as a name can need, and the name is the same', () => {
  const piece = fc.constantFrom(
    '%{l}',
    '%{lr-}',
    '%{l2-}',
    '%{l3r.-}',
    '%{L}',
    '%%',
    'x.',
    '.',
    '%_',
  )
  const local = fc
    .array(fc.constantFrom('a', 'bc', '-', '.', '&', 'longer-label'), {
      minLength: 1,
      maxLength: 30,
    })
    .map((parts) => parts.join(''))
  /** As the RFC says it, one step after the other. */
  const whole = (text: string, l: string): string =>
    text.replace(
      /%\{(l)(\d*)(r?)([-.]*)\}|%([%_-])/gi,
      (_, letter, digits, r, delimiters, sign) => {
        if (sign !== undefined) return sign === '%' ? '%' : ' '
        const parts = l.split(delimiters === '' ? '.' : delimiters === '-' ? '-' : /[.-]/)
        if (r) parts.reverse()
        const made = parts.slice(-Number(digits || parts.length)).join('.')
        return letter === 'L' ? encodeURIComponent(made) : made
      },
    )
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 60 }), local, (pieces, l) => {
      const text = `${pieces.join('')}.ask.test`
      const made = expanded(text, { l }) ?? ''
      const all = whole(text, l)
      expect(all.endsWith(made)).toBe(true)
      expect(targetName(made)).toBe(targetName(all))
    }),
    { numRuns: 2000 },
  )
})

test('of an expansion about as long as the longest name nothing is lost', () => {
  for (let labels = 115; labels < 135; labels += 1) {
    for (const end of ['.test', '.tests', '.test.']) {
      const made = expanded(`${'%{l}%{h}'.repeat(labels)}a${end}`, { l: 'a', h: '.' })
      expect(targetName(made ?? '')).toBe(targetName(`${'a.'.repeat(labels)}a${end}`))
    }
  }
})

const costly = [
  // why, spec, local part
  ['each value as long as a command line', '%{s}'.repeat(8000), 'a'.repeat(2000)],
  ['each value an empty part at its end', '%{l1}'.repeat(6500), `${'a'.repeat(2000)}.`],
  ['or at its beginning', '%{l1r-+/=_,.}'.repeat(2500), `.${'a'.repeat(2000)}`],
  ['each value escaped', '%{S}'.repeat(8000), '!'.repeat(2000)],
  ['a number of 32,000 digits', `%{l${'9'.repeat(32_000)}r}`, '.'.repeat(2000)],
  ['macros that do not end', '%{'.repeat(16_000), 'a'],
  ['a name of digits', `x.${'1'.repeat(32_000)}`, 'a'],
  ['a name of hyphens', `x.${'a-'.repeat(16_000)}`, 'a'],
  ['a name of dots', '.'.repeat(32_000), 'a'],
] as const

test.for(costly)('a macro string of 32 KiB costs a moment: %s', ([, text, local]) => {
  const from = performance.now()
  for (let times = 0; times < 10; times += 1) {
    for (const end of ['', '.test', '.-'])
      targetName(expanded(text + end, { l: local, s: `${local}@example.com` }) ?? '')
  }
  expect(performance.now() - from).toBeLessThan(2000)
})
