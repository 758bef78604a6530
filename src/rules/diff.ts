/**
 * What differs between two rule sets, rule by rule and field by field. Of validated sets, so that a default
 * written out is no difference; recipients are sets, whatever their order and spelling. Pure.
 */
import { canonicalPattern } from './pattern.ts'
import type { Rule, RuleSet } from './rule-set.ts'

/** Places count from 0, as in Rules. */
export type RuleSetDiff = {
  readonly added: readonly { readonly name: string; readonly to: number }[]
  readonly removed: readonly { readonly name: string; readonly from: number }[]
  /** As few as explain the new order: rules fire in theirs. */
  readonly moved: readonly { readonly name: string; readonly from: number; readonly to: number }[]
  readonly changed: readonly { readonly name: string; readonly fields: readonly FieldDiff[] }[]
}

export type FieldDiff =
  | {
      readonly field: 'Recipients'
      readonly added: readonly string[]
      readonly removed: readonly string[]
    }
  /** `Actions[0].S3Action.BucketName`; a side that has no such field lacks its key. */
  | { readonly field: string; readonly before?: unknown; readonly after?: unknown }

/** From `before` to `after`, rules told apart by their names. */
export function diffRuleSets(before: RuleSet, after: RuleSet): RuleSetDiff {
  const old = placesOf(before)
  const now = placesOf(after)
  const kept = after.Rules.filter(({ Name }) => old.has(Name))
  const still = longestRising(kept.map(({ Name }) => old.get(Name) ?? 0))
  return {
    added: after.Rules.flatMap(({ Name: name }, to) => (old.has(name) ? [] : [{ name, to }])),
    removed: before.Rules.flatMap(({ Name: name }, from) =>
      now.has(name) ? [] : [{ name, from }],
    ),
    moved: kept.flatMap(({ Name: name }) => {
      const from = old.get(name) ?? 0
      return still.has(from) ? [] : [{ name, from, to: now.get(name) ?? 0 }]
    }),
    changed: kept.flatMap((rule) => {
      const was = before.Rules[old.get(rule.Name) ?? 0]
      const fields = was === undefined ? [] : diffRules(was, rule)
      return fields.length === 0 ? [] : [{ name: rule.Name, fields }]
    }),
  }
}

/** Whether both sets do the same to every message. */
export function isEqual({ added, removed, moved, changed }: RuleSetDiff): boolean {
  return added.length + removed.length + moved.length + changed.length === 0
}

function placesOf({ Rules }: RuleSet): ReadonlyMap<string, number> {
  return new Map(Rules.map(({ Name }, place) => [Name, place]))
}

function diffRules(before: Rule, after: Rule): FieldDiff[] {
  const { Recipients: old, ...was } = before
  const { Recipients: now, ...is } = after
  const removed = beyond(old, now)
  const added = beyond(now, old)
  const recipients: FieldDiff[] =
    added.length + removed.length === 0 ? [] : [{ field: 'Recipients', added, removed }]
  return [...recipients, ...diffValues(was, is, '')]
}

/** Those of `patterns` that `others` lack. */
function beyond(patterns: readonly string[], others: readonly string[]): string[] {
  const known = new Set(others.map(canonicalPattern))
  return patterns.filter((each) => !known.has(canonicalPattern(each)))
}

function diffValues(before: unknown, after: unknown, field: string): FieldDiff[] {
  if (!isContainer(before) || !isContainer(after) || isList(before) !== isList(after)) {
    return before === after ? [] : [{ field, before, after }]
  }
  const keys = new Set([...Object.keys(before), ...Object.keys(after)])
  return [...keys].flatMap((key) => {
    const name = isList(before) ? `${field}[${key}]` : field === '' ? key : `${field}.${key}`
    if (!Object.hasOwn(before, key)) return [{ field: name, after: after[key] }]
    if (!Object.hasOwn(after, key)) return [{ field: name, before: before[key] }]
    return diffValues(before[key], after[key], name)
  })
}

function isContainer(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === 'object' && value !== null
}

function isList(value: unknown): boolean {
  return Array.isArray(value)
}

/** The members of a longest rising subsequence of different numbers: these stay, the others have moved. */
function longestRising(numbers: readonly number[]): ReadonlySet<number> {
  /** Length less one → the lowest number that ends a rising subsequence so long. */
  const ends: number[] = []
  const previous = new Map<number, number | undefined>()
  for (const each of numbers) {
    let low = 0
    let high = ends.length
    while (low < high) {
      const middle = (low + high) >> 1
      if ((ends[middle] ?? 0) < each) low = middle + 1
      else high = middle
    }
    previous.set(each, ends[low - 1])
    ends[low] = each
  }
  const found = new Set<number>()
  for (let at = ends.at(-1); at !== undefined; at = previous.get(at)) found.add(at)
  return found
}
