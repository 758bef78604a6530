/**
 * What the schema finds wrong in the data of a rule-set file, in the operator's words: what is
 * expected, what a misspelt key may have meant, what is not supported yet. Pure.
 */
import { z } from 'zod'
import { actionKinds, failurePolicy } from './action-kinds.ts'
import { conditionKinds, foreignKeys } from './condition.ts'
import type { Path } from './positions.ts'
import { ruleSetSchema } from './schema.ts'
import type { Problem } from './source.ts'
import { closest } from './suggest.ts'

/** Every problem the schema has with `data`. */
export function schemaProblems(data: unknown): Problem[] {
  if (data === null || data === undefined) {
    return [{ path: [], reason: 'is empty; it needs Metadata and Rules' }]
  }
  const told = new Set<string>()
  return issuesOf(ruleSetSchema, data).flatMap((issue) => {
    const path = pathOf(issue)
    // Both are unions: what zod says of a member depends on how many of them come close.
    const union = unions[String(path[2])]
    if (union === undefined || path.length < 4) return describe(ruleSetSchema, issue, data, [])
    const member = path.slice(0, 4)
    if (told.has(member.join())) return []
    told.add(member.join())
    return memberProblems(union, valueAt(data, member), member)
  })
}

/** Every problem of data with a schema that has no unions of its own. */
export function plainProblems(schema: z.ZodType, data: unknown): Problem[] {
  return issuesOf(schema, data).flatMap((issue) => describe(schema, issue, data, []))
}

type Union = {
  readonly noun: string
  readonly kinds: Readonly<Record<string, z.ZodType>>
  /** What may stand beside the kind's key. */
  readonly beside: Readonly<Record<string, z.ZodType>>
}

const conditions: Union = { noun: 'condition', kinds: conditionKinds, beside: {} }

/** Lists of a rule whose members have exactly one key that says what they are. */
const unions: Readonly<Record<string, Union>> = {
  Actions: { noun: 'action', kinds: actionKinds, beside: failurePolicy },
  Conditions: conditions,
  Unless: conditions,
}

function issuesOf(schema: z.ZodType, data: unknown): readonly z.core.$ZodIssue[] {
  return schema.safeParse(data).error?.issues ?? []
}

function pathOf(issue: z.core.$ZodIssue): Path {
  return issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
}

function describe(
  schema: z.ZodType,
  issue: z.core.$ZodIssue,
  data: unknown,
  base: Path,
): Problem[] {
  const inside = pathOf(issue)
  const path = [...base, ...inside]
  const value = valueAt(data, inside)
  switch (issue.code) {
    case 'invalid_type':
      return [{ path, reason: wrongType(issue.expected, value) }]
    case 'invalid_value':
      return [{ path, reason: wrongValue(issue.values.map(String), value) }]
    case 'unrecognized_keys': {
      const known = keysOf(schema, inside)
      return issue.keys.map((key) => unknownKey([...path, key], key, known))
    }
    default:
      return [{ path, reason: issue.message }]
  }
}

/** SES: each member of Actions has exactly one action key. */
function memberProblems({ noun, kinds, beside }: Union, value: unknown, path: Path): Problem[] {
  const names = Object.keys(kinds)
  if (typeof value !== 'object' || value === null || Array.isArray(value)) {
    const bare = typeof value === 'string' && Object.hasOwn(kinds, value)
    const hint = bare ? `; write ${value}: { … }` : ''
    return [{ path, reason: `${wrongType('object', value)}${hint}` }]
  }
  const entries = Object.entries(value)
  const named = entries.map(([key]) => key).filter((key) => !Object.hasOwn(beside, key))
  const problems = entries.flatMap(([key, spec]) => {
    const schema = ownValue(kinds, key) ?? ownValue(beside, key)
    const inside = [...path, key]
    if (schema === undefined) return [unknownKey(inside, key, [...names, ...Object.keys(beside)])]
    return issuesOf(schema, spec).flatMap((issue) => describe(schema, issue, spec, inside))
  })
  if (named.length === 1) return problems
  const found = named.length === 0 ? 'has none' : `has ${named.length}: ${named.join(', ')}`
  return [
    ...problems,
    { path, reason: `must have exactly one ${noun} (${names.join(', ')}), but ${found}` },
  ]
}

function ownValue<T>(record: Readonly<Record<string, T>>, key: string): T | undefined {
  return Object.hasOwn(record, key) ? record[key] : undefined
}

function unknownKey(path: Path, key: string, known: readonly string[]): Problem {
  const foreign = foreignKeys.get(key)
  if (foreign !== undefined) return { path, reason: foreign, at: 'key' }
  // Found where it is not known: in an action, or in the rule.
  if (Object.hasOwn(failurePolicy, key))
    return { path, reason: 'belongs beside the key of an action, indented like that', at: 'key' }
  const meant = closest(key, known)
  const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`
  return { path, reason: `is not a known key; ${hint}`, at: 'key' }
}

const nouns: Readonly<Record<string, string>> = {
  string: 'text',
  boolean: 'true or false',
  number: 'a number',
  int: 'a whole number',
  array: 'a list',
  object: 'an object',
}

function wrongType(expected: string, value: unknown): string {
  if (value === undefined) return 'is missing'
  const reason = `must be ${nouns[expected] ?? expected}, not ${spell(value)}`
  const scalar = typeof value === 'number' || typeof value === 'boolean'
  if (expected === 'string' && scalar) return `${reason}; put it in quotes`
  if (expected === 'array' && (scalar || typeof value === 'string'))
    return `${reason}; put it in brackets`
  if (expected === 'array' && value !== null && !Array.isArray(value))
    return `${reason}; put a dash in front of each member`
  if (expected === 'object' && value === null) return `${reason}; write {} if it has no fields`
  return reason
}

function wrongValue(allowed: readonly string[], value: unknown): string {
  if (value === undefined) return 'is missing'
  const meant = typeof value === 'string' ? closest(value, allowed) : undefined
  const hint = meant === undefined || allowed.length === 1 ? '' : `; did you mean ${meant}?`
  return `must be ${oneOf(allowed)}, not ${spell(value)}${hint}`
}

function oneOf(words: readonly string[]): string {
  const [last = '', ...others] = words.toReversed()
  return others.length === 0 ? last : `${others.toReversed().join(', ')} or ${last}`
}

function spell(value: unknown): string {
  if (Array.isArray(value)) return 'a list'
  if (typeof value === 'object' && value !== null) return 'an object'
  const text = JSON.stringify(value) ?? String(value)
  return text.length > 60 ? `${text.slice(0, 60)}…` : text
}

function valueAt(data: unknown, path: Path): unknown {
  return path.reduce<unknown>((value, step) => (value as Record<string, unknown>)?.[step], data)
}

/** The keys of the object that a path leads to in a schema. */
function keysOf(schema: z.ZodType, path: Path): string[] {
  let at: unknown = schema
  for (const step of [...path, undefined]) {
    while (at instanceof z.ZodDefault || at instanceof z.ZodExactOptional) at = at.unwrap()
    if (step === undefined) break
    if (at instanceof z.ZodObject) at = (at.shape as Record<string, unknown>)[step]
    else if (at instanceof z.ZodArray) at = at.element
  }
  return at instanceof z.ZodObject ? Object.keys(at.shape) : []
}
