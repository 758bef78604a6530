/** Recipient patterns. SES: recipient matching (reference §1.3) */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { patternProblem } from '../../../src/rules/pattern.ts'
import { hits, matches } from './reference.ts'

const cases = [
  // pattern, recipient, matches, why
  ['user@b.test', 'user@b.test', true, 'an address takes itself'],
  ['user@b.test', 'user+x@b.test', true, 'an address takes its labelled forms'],
  ['user@b.test', 'user+@b.test', true, 'an empty label is a label'],
  ['user@b.test', 'user+x+y@b.test', true, 'the label begins at the first plus'],
  ['user@b.test', 'user-x@b.test', false, 'only a plus begins a label'],
  ['user@b.test', 'users@b.test', false, 'a longer local part is another user'],
  ['user@b.test', 'other@b.test', false, 'another user'],
  ['user@b.test', 'user@a.b.test', false, 'an address does not take subdomains'],
  ['user+x@b.test', 'user+x@b.test', true, 'a labelled pattern takes its label'],
  ['user+x@b.test', 'user@b.test', false, 'a labelled pattern takes that label only'],
  ['user+x@b.test', 'user+y@b.test', false, 'another label'],
  ['user+x@b.test', 'user+x+y@b.test', false, 'x+y is another label than x'],
  ['b.test', 'any@b.test', true, 'a domain takes every user'],
  ['b.test', 'any@x.b.test', false, 'a domain does not take its subdomains'],
  ['b.test', 'any@ab.test', false, 'a domain is compared by labels'],
  ['x.b.test', 'any@b.test', false, 'a subdomain does not take its parent'],
  ['.b.test', 'any@x.b.test', true, 'a leading dot takes subdomains'],
  ['.b.test', 'any@y.x.b.test', true, 'a leading dot takes subdomains of any depth'],
  ['.b.test', 'any@b.test', false, 'a leading dot does not take the domain itself'],
  ['.b.test', 'any@ab.test', false, 'a leading dot is compared by labels'],
  ['.b.test', 'any@.b.test', false, 'an empty label is no subdomain (RFC 5321 §2.3.5)'],
  ['.b.test', 'any@.x.b.test', false, 'nor is one in front of a subdomain'],
  ['User@B.test', 'uSER@b.TEST', true, 'case never decides'],
  ['user@b.test', '"user"@b.test', true, 'quotes carry no meaning (RFC 5321 §4.1.2)'],
  ['user@b.test', '"us\\er"@b.test', true, 'nor do quoted pairs'],
  ['user@b.test', '"user+x y"@b.test', true, 'a label may need quotes'],
  ['user@b.test', '"user@b.test"@other.test', false, 'the last @ splits'],
  ['b.test', '"user@other.test"@b.test', true, 'the last @ splits'],
  ['x@b.test', '"@b.test"@x.test', false, 'an @ in quotes names no domain'],
  ['b.test', 'b.test', false, 'a recipient without domain is at no domain'],
  ['b.test', 'user@', false, 'an empty domain is no domain'],
  ['b.test', '', false, 'nothing is no recipient'],
  ['b.test', '"', false, 'half a quoted string'],
  ['b.test', 'user@[192.0.2.1]', false, 'an address literal is no domain (RFC 5321 §4.1.3)'],
  ['b.test', 'user@[IPv6:2001:db8::1]', false, 'an address literal is no domain'],
  ['пользователь@b.test', 'ПОЛЬЗОВАТЕЛЬ@b.test', true, 'SMTPUTF8, case (RFC 6531 §3.2)'],
  ['jose\u0301@b.test', 'jos\u00e9@b.test', true, 'composed or not (RFC 6532 §3.1)'],
  ['bücher.test', 'user@xn--bcher-kva.test', true, 'U-label pattern, A-label recipient'],
  ['xn--bcher-kva.test', 'user@BÜCHER.test', true, 'A-label pattern, U-label recipient'],
  ['.bücher.test', 'user@a.xn--bcher-kva.test', true, 'the same below the domain'],
  ['b.test', 'user@%62.test', false, 'a domain is not a URL: %62 is not b'],
  ['constructor', 'user@constructor', true, 'names of JavaScript are names like others'],
] as const

test.for(cases)('%s for %s is %s: %s', ([pattern, recipient, expected]) => {
  expect(matches(pattern, recipient)).toBe(expected)
})

const local = fc.stringMatching(/^[ab+]{1,4}$/)
const domain = fc.stringMatching(/^[ab](\.[ab]){0,3}$/)
const address = fc.tuple(local, domain).map(([user, host]) => `${user}@${host}`)
const pattern = fc.oneof(
  address,
  domain,
  domain.map((host) => `.${host}`),
)

test('matches exactly what the reference matcher does', () => {
  fc.assert(
    fc.property(pattern, address, (one, other) => matches(one, other) === hits(one, other)),
    { numRuns: 3000 },
  )
})

test('no recipient makes it throw', () => {
  const recipient = fc.oneof(fc.string({ unit: 'binary' }), fc.emailAddress())
  fc.assert(
    fc.property(pattern, recipient, (one, other) => typeof matches(one, other) === 'boolean'),
  )
})

const validity = [
  // pattern, valid, why
  ['user@example.com', true, 'an address'],
  ['user+label@example.com', true, 'a labelled address'],
  ['example.com', true, 'a domain'],
  ['.example.com', true, 'any subdomain'],
  ['EXAMPLE.com', true, 'upper case'],
  ['1.example.com', true, 'a label of digits'],
  ['bücher.example', true, 'U-labels'],
  ['пользователь@example.com', true, 'SMTPUTF8'],
  ['', false, 'SES: also for the empty string'],
  ['a b@example.com', false, 'white space'],
  ['a\n@example.com', false, 'white space'],
  ['a@b@example.com', false, 'two @'],
  ['@example.com', false, 'no local part'],
  ['user@', false, 'no domain'],
  ['user@.example.com', false, 'a user at any subdomain'],
  ['..example.com', false, 'an empty label'],
  ['example..com', false, 'an empty label'],
  ['example.com.', false, 'an empty label at the end'],
  ['-a.example.com', false, 'a label that starts with a hyphen'],
  ['a-.example.com', false, 'a label that ends with a hyphen'],
  ['a_b.example.com', false, 'an underscore'],
  ['com', false, 'one label'],
  ['.com', false, 'one label'],
  ['user@[192.0.2.1]', false, 'an address literal'],
  ['*@example.com', true, 'ours: any user'],
  ['a*b@example.com', true, 'ours: any characters of the user'],
  ['*.example.com', true, 'ours: any subdomain'],
  ['a@*.example.com', true, 'ours: a user at any subdomain'],
  ['*', false, 'the whole world'],
  ['a*.example.com', false, 'a wildcard for a part of a label'],
  ['a.*.example.com', false, 'a wildcard in the middle of the domain'],
  [`${'a'.repeat(64)}.com`, false, 'a label of 64 octets (RFC 1035 §2.3.4)'],
  [`${'a.'.repeat(126)}com`, false, 'a domain of 255 octets (RFC 1035 §2.3.4)'],
] as const

test.for(validity)('pattern %j is valid: %s (%s)', ([one, valid]) => {
  expect(patternProblem(one) === undefined).toBe(valid)
})
