/** Turns what zod finds wrong into problems that an operator can read. Pure. */
import type { z } from 'zod'
import { namesAt, sectionsWith } from './json-schema.ts'
import { closest, type Key, type Problem } from './problem.ts'

type Issue = z.core.$ZodIssue

const kinds: Readonly<Record<string, string>> = {
  string: 'a text',
  boolean: 'true or false',
  object: 'an object of named options',
  record: 'an object of named options',
  array: 'a list',
}

/** What to say where the option table does not say it: zod calls this for issues without words of their own. */
export function explain(issue: z.core.$ZodRawIssue): string | undefined {
  if (issue.code === 'invalid_type') return `must be ${kinds[issue.expected] ?? issue.expected}`
  if (issue.code === 'invalid_value') return `must be ${issue.values.map(String).join(' or ')}`
  if (issue.code === 'invalid_union' && Array.isArray(issue.options)) {
    return `must be ${issue.options.map(String).join(' or ')}`
  }
  return undefined
}

/** Every problem behind `issues`, which zod found in `written`. */
export function problemsOf(issues: readonly Issue[], written: unknown): readonly Problem[] {
  return issues.flatMap((issue) => problemsOfOne(issue, written, []))
}

function problemsOfOne(issue: Issue, written: unknown, above: readonly Key[]): readonly Problem[] {
  // YAML's keys are texts and numbers; a symbol cannot come from a file.
  const path = [...above, ...issue.path.map((each) => (typeof each === 'symbol' ? '' : each))]
  if (issue.code === 'unrecognized_keys') {
    return issue.keys.map((name) => ({
      path: [...path, name],
      reason: unknownKey(path, name),
      at: 'key',
    }))
  }
  if (issue.code === 'invalid_key') {
    return [{ path, reason: issue.issues[0]?.message ?? issue.message, at: 'key' }]
  }
  const shape = issue.code === 'invalid_union' ? likeliest(issue.errors) : undefined
  if (shape !== undefined) return shape.flatMap((each) => problemsOfOne(each, written, path))
  return [{ path, reason: withFinding(issue, path, written), at: 'value' }]
}

/** Of the shapes that a value could have had, the one it was meant to have: the least is wrong with it. */
function likeliest(shapes: readonly (readonly Issue[])[]): readonly Issue[] | undefined {
  const weigh = (issue: Issue): number => {
    if (issue.code === 'unrecognized_keys') return issue.keys.length
    return issue.path.length === 0 ? Number.POSITIVE_INFINITY : 1
  }
  const weighed = shapes
    .map((issues) => ({ issues, weight: issues.reduce((sum, each) => sum + weigh(each), 0) }))
    .sort((a, b) => a.weight - b.weight)
  return weighed[0]?.weight === Number.POSITIVE_INFINITY ? undefined : weighed[0]?.issues
}

function unknownKey(path: readonly Key[], name: string): string {
  const names = namesAt(path)
  // Another kind of store, or of Redis, has an option of this name.
  if (names.includes(name)) return 'does not go with the other options here'
  const near = closest(name, names)
  if (near !== undefined) return `unknown key; did you mean ${near}?`
  const elsewhere = sectionsWith(name)[0]
  if (elsewhere !== undefined) return `unknown key; did you mean ${elsewhere}?`
  return 'unknown key'
}

/** The reason, and what stands there instead: numbers as they are, of texts only that they are texts. */
function withFinding(issue: Issue, path: readonly Key[], written: unknown): string {
  const reason = issue.message
  const value = path.reduce<unknown>(
    (at, key) => (typeof at === 'object' && at !== null ? Reflect.get(at, key) : undefined),
    written,
  )
  if (!reason.startsWith('must be ')) return reason
  if (value === undefined) return `is missing; it ${reason}`
  if (value === null) return `${reason}, not empty`
  if (typeof value === 'number' || typeof value === 'boolean') return `${reason}, not ${value}`
  if (issue.code !== 'invalid_type') return reason
  if (typeof value === 'string') return `${reason}, not a text`
  return `${reason}, not ${Array.isArray(value) ? 'a list' : 'an object'}`
}
