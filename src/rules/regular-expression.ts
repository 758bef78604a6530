/**
 * MATCHES: regular expressions of RE2's syntax, in time linear in the text whatever the expression
 * (npm re2js, a port of RE2): JavaScript's own could be made to run for years by a sender who knows the
 * rule. Pure.
 */
import { RE2JS } from 're2js'

/** Characters of a pattern. RE2's program grows with it. */
export const maxPatternLength = 1000

/**
 * Characters of a text that is tried; linear, but some 10 MB a second, and this runs while other sessions
 * wait. What is longer can't be decided.
 */
export const maxTextLength = 16 * 1024

/** Whether the expression is found anywhere in the text; `undefined` when the text is too long. */
export type Matcher = (text: string) => boolean | undefined

/** Throws for a pattern that has a fault. */
export function compilePattern(pattern: string): Matcher {
  const expression = RE2JS.compile(pattern)
  return (text) => (text.length > maxTextLength ? undefined : expression.matcher(text).find())
}

/** What is wrong with a pattern, as the end of a sentence; `undefined` when it can be used. */
export function patternFault(pattern: string): string | undefined {
  if (pattern.length > maxPatternLength) return `is longer than ${maxPatternLength} characters`
  try {
    RE2JS.compile(pattern)
    return undefined
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error)
    return `is no regular expression of RE2's syntax (no look-around, no back-references): ${reason}`
  }
}
