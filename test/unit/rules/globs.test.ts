/** Recipient patterns with a `*`. Ours; labels as in SES (reference §1.3) */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { globIndex } from '../../../src/rules/globs.ts'
import { canonicalAddress, canonicalPattern, isGlob } from '../../../src/rules/pattern.ts'
import { hits, matches } from './reference.ts'

const cases = [
  // pattern, recipient, matches, why
  ['*@b.test', 'any@b.test', true, 'any user'],
  ['*@b.test', 'any@x.b.test', false, 'of that domain'],
  ['*.b.test', 'any@x.b.test', true, 'any subdomain'],
  ['*.b.test', 'any@y.x.b.test', true, 'of any depth'],
  ['*.b.test', 'any@b.test', false, 'not the domain itself'],
  ['a@*.b.test', 'a@x.b.test', true, 'a user at any subdomain'],
  ['a@*.b.test', 'a@y.x.b.test', true, 'of any depth'],
  ['a@*.b.test', 'a@b.test', false, 'not at the domain itself'],
  ['a@*.b.test', 'a+x@x.b.test', true, 'with any label'],
  ['a@*.b.test', 'aa@x.b.test', false, 'another user'],
  ['a+x@*.b.test', 'a+x@y.b.test', true, 'a label that is named'],
  ['a+x@*.b.test', 'a@y.b.test', false, 'is asked for'],
  ['a+x@*.b.test', 'a+x+y@y.b.test', false, 'x+y is another label than x'],
  ['*@*.b.test', 'any@x.b.test', true, 'any user of any subdomain'],
  ['a*@b.test', 'a@b.test', true, 'a star may stand for nothing'],
  ['a*@b.test', 'abc@b.test', true, 'or for more'],
  ['a*@b.test', 'ba@b.test', false, 'what is before it is the start'],
  ['*a@b.test', 'ba@b.test', true, 'what is behind it is the end'],
  ['*a@b.test', 'ba+x@b.test', true, 'of the user without the label'],
  ['*a@b.test', 'b+xa@b.test', true, 'or with it'],
  ['a*b@b.test', 'ab@b.test', true, 'nothing between'],
  ['a*a@b.test', 'a@b.test', false, 'start and end do not overlap'],
  ['ab*ba@b.test', 'aba@b.test', false, 'nor do longer ones'],
  ['a*b*c@b.test', 'a-b-c@b.test', true, 'two stars'],
  ['a*b*c@b.test', 'acb@b.test', false, 'the pieces have an order'],
  ['a*bb*b@b.test', 'abb@b.test', false, 'a piece does not overlap the end'],
  ['a**b@b.test', 'axb@b.test', true, 'two stars in a row are one'],
  ['news-*+x@b.test', 'news-a+x@b.test', true, 'a star before a label'],
  ['news-*+x@b.test', 'news-a+y@b.test', false, 'another label'],
  ['a+*@b.test', 'a+x@b.test', true, 'any label'],
  ['a+*@b.test', 'a@b.test', false, 'but one'],
  ['A*@B.test', 'aB@b.TEST', true, 'case never decides'],
  ['a.*@b.test', 'a.x@b.test', true, 'a dot is a dot'],
  ['a.*@b.test', 'axx@b.test', false, 'and no other character'],
  ['a*c@b.test', 'a*c@b.test', true, "a recipient's own star is a character"],
  ['a*c@b.test', '"a@b c"@b.test', true, 'the user is compared without quotes'],
  ['é*@b.test', 'e\u0301t\u00e9@b.test', true, 'composed or not (RFC 6532 §3.1)'],
  ['a*@bücher.test', 'ab@xn--bcher-kva.test', true, 'U-label pattern, A-label recipient'],
  ['a@*.bücher.test', 'a@x.xn--bcher-kva.test', true, 'the same below the domain'],
  ['*@b.test', 'b.test', false, 'a recipient without domain is at no domain'],
  ['a@*.b.test', 'a@.b.test', false, 'an empty label is no subdomain (RFC 5321 §2.3.5)'],
] as const

test.for(cases)('%s for %s is %s: %s', ([pattern, recipient, expected]) => {
  expect(matches(pattern, recipient)).toBe(expected)
})

const local = fc.stringMatching(/^[ab+]{1,6}$/)
const domain = fc.stringMatching(/^[ab](\.[ab]){0,3}$/)
const address = fc.tuple(local, domain).map(([user, host]) => `${user}@${host}`)
const starred = fc.stringMatching(/^[ab+*]{1,6}$/)
const pattern = fc.oneof(
  fc.tuple(starred, domain).map(([user, host]) => `${user}@${host}`),
  fc.tuple(starred, domain).map(([user, host]) => `${user}@*.${host}`),
  domain.map((host) => `*.${host}`),
)

test('matches exactly what a regular expression of its pieces does', () => {
  fc.assert(
    fc.property(pattern, address, (one, other) => matches(one, other) === hits(one, other)),
    { numRuns: 5000 },
  )
})

describe('the index', () => {
  test('finds what each of its patterns would find alone, each value once', () => {
    fc.assert(
      fc.property(fc.array(pattern, { maxLength: 12 }), address, (some, recipient) => {
        const globs = some
          .map((each, place) => [canonicalPattern(each), place] as const)
          .filter(([each]) => isGlob(each))
        const found = globIndex(globs).find(canonicalAddress(recipient))
        const expected = globs.filter(([, place]) => hits(some[place] ?? '', recipient))
        expect([...found].sort((one, other) => one - other)).toEqual(
          expected.map(([, place]) => place),
        )
      }),
      { numRuns: 2000 },
    )
  })

  test('stands the longest local part and thousands of patterns', () => {
    const many = Array.from({ length: 20_000 }, (_, place) => {
      return [`${'a'.repeat(place % 60)}-${place}*a*b@b.test`, place] as const
    })
    const { find } = globIndex(many)
    expect(find(`${'a'.repeat(5000)}@b.test`)).toEqual([])
    expect(find('aaa-3xaxb@b.test')).toEqual([3])
  })

  test('without patterns finds nothing', () => {
    expect(globIndex([]).find('a@b.test')).toEqual([])
  })
})
