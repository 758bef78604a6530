/** MATCHES: whatever the expression and the text, time stays linear and nothing throws. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import {
  compilePattern,
  maxPatternLength,
  maxTextLength,
  patternFault,
} from '../../../src/rules/regular-expression.ts'

/** Each of them takes JavaScript's own expressions longer than the sun will shine, on the text behind it. */
const catastrophic = [
  ['(a+)+$', `${'a'.repeat(maxTextLength - 1)}!`],
  ['^(a|aa)+$', `${'a'.repeat(maxTextLength - 1)}!`],
  ['^(a|a?)+$', `${'a'.repeat(maxTextLength - 1)}!`],
  ['(x+x+)+y', 'x'.repeat(maxTextLength)],
  ['^(([a-z])+.)+[A-Z]([a-z])+$', 'a'.repeat(maxTextLength)],
  ['(.*)(.*)(.*)(.*)(.*)[^a]$', 'a'.repeat(maxTextLength)],
] as const

test.for(catastrophic)('%s comes to an end on 16 KB', ([pattern, text]) => {
  expect(compilePattern(pattern)(text)).toBe(false)
})

const answers = [
  // pattern, text, answer, why
  ['ice', 'invoice', true, 'it is looked for anywhere'],
  ['^ice', 'invoice', false, 'unless it is anchored'],
  ['^invoice$', 'invoice', true, 'from end to end'],
  ['Ice', 'invoice', false, 'case counts'],
  ['(?i)ICE', 'invoice', true, 'unless it is told not to'],
  ['^.$', '\u{1f600}', true, 'a character beyond the first plane is one'],
  ['\\p{L}+', 'été', true, 'classes of Unicode'],
  ['a.c', 'a\nc', false, 'a dot is no line end'],
  ['', '', true, 'nothing is in everything'],
  ['x', 'a'.repeat(maxTextLength), false, 'a text of the largest length is tried'],
  ['a', 'a'.repeat(maxTextLength + 1), undefined, 'one that is longer is not'],
] as const

test.for(answers)('%j in %.20j is %s: %s', ([pattern, text, answer]) => {
  expect(compilePattern(pattern)(text)).toBe(answer)
})

test('no text makes it throw, half a surrogate pair neither', () => {
  const matchers = ['a.$', '[^x]', '\\bx', '(?i)é|\\x{1f600}'].map(compilePattern)
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 0, max: 0xffff })), (units) => {
      const text = String.fromCharCode(...units)
      for (const matcher of matchers) expect(typeof matcher(text)).toBe('boolean')
    }),
  )
})

test('plain text is found where JavaScript finds it', () => {
  const word = fc.stringMatching(/^[ab]{0,3}$/)
  fc.assert(
    fc.property(word, fc.stringMatching(/^[ab]{0,8}$/), (one, text) => {
      expect(compilePattern(one)(text)).toBe(text.includes(one))
    }),
  )
})

describe('a pattern', () => {
  const faults = [
    ['a{1,1000}', true, 'a repetition'],
    ['((((((a{10}){10}){10}){10}){10}){10}){10}', false, 'a program of ten million steps'],
    ['(?<=a)b', false, 'look-behind'],
    ['(a)\\1', false, 'a back-reference'],
    ['[', false, 'an open class'],
    ['*', false, 'nothing to repeat'],
    ['a'.repeat(maxPatternLength), true, 'as long as may be'],
    ['a'.repeat(maxPatternLength + 1), false, 'longer'],
  ] as const

  test.for(faults)('%.50s can be used: %s (%s)', ([pattern, usable]) => {
    const fault = patternFault(pattern)
    expect(fault === undefined).toBe(usable)
    if (fault !== undefined) expect(fault).toMatch(/^is /)
  })

  test('that has no fault compiles, whatever it is', () => {
    const pieces = fc.constantFrom(
      'a',
      '(',
      ')',
      '[',
      ']',
      '*',
      '+',
      '?',
      '|',
      '\\',
      '{2}',
      '^',
      '.',
    )
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 8 }), (some) => {
        const pattern = some.join('')
        if (patternFault(pattern) === undefined) compilePattern(pattern)('aa')
      }),
    )
  })
})
