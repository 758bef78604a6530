/**
 * Whether the conditions of a rule hold: what Conditions and Unless, each made of predicates
 * (predicates.ts), say together. Pure, throws nothing.
 */
import { type Condition, spellCondition } from './condition.ts'
import type { Decision, Predicate } from './decision.ts'
import type { MessageFacts } from './facts.ts'
import { predicateOf } from './predicates.ts'
import type { Rule } from './rule-set.ts'

export type CompiledCondition = {
  readonly decide: Predicate
  /** The condition in a phrase. */
  readonly text: string
}

export type CompiledConditions = {
  readonly all: readonly CompiledCondition[]
  readonly none: readonly CompiledCondition[]
  /** Whether the answer may differ from one recipient to the next. */
  readonly perRecipient: boolean
  readonly scan: boolean
}

/** `undefined` for a rule without conditions. The rule is valid (condition.ts). */
export function compileConditions(rule: Rule): CompiledConditions | undefined {
  const { Conditions = [], Unless = [], ScanEnabled } = rule
  if (Conditions.length + Unless.length === 0) return undefined
  const compile = (condition: Condition): CompiledCondition => ({
    decide: predicateOf(condition),
    text: spellCondition(condition),
  })
  return {
    all: Conditions.map(compile),
    none: Unless.map(compile),
    perRecipient: [...Conditions, ...Unless].some(
      (each) =>
        'StringExpression' in each && each.StringExpression.Evaluate.Attribute === 'RECIPIENT',
    ),
    scan: ScanEnabled,
  }
}

/** Whether any of the conditions looks into the MIME structure, which has to be walked for it. */
export function looksAtAttachments({ Conditions = [], Unless = [] }: Rule): boolean {
  return [...Conditions, ...Unless].some((each) => {
    const spec: { Evaluate?: { Attribute?: string } } = Object.values(each)[0] ?? {}
    return spec.Evaluate?.Attribute?.includes('ATTACHMENT') ?? false
  })
}

/** The condition that decided, and what it found. */
export type Outcome = Decision & { readonly condition: string }

/**
 * Whether all of Conditions hold and none of Unless: `false` as soon as one is surely against it,
 * whatever is unknown of the others.
 */
export function decide(
  { all, none, scan }: CompiledConditions,
  facts: MessageFacts,
  recipient: string,
): Outcome {
  let undecided: Outcome | undefined
  let last: Outcome | undefined
  for (const [list, wanted, label] of [
    [all, 'true', ''],
    [none, 'false', 'unless '],
  ] as const) {
    for (const { decide: ask, text } of list) {
      const outcome = { ...ask(facts, recipient, scan), condition: `${label}${text}` }
      if (outcome.result === 'undecided') undecided ??= outcome
      else if (outcome.result !== wanted) return { ...outcome, result: 'false' }
      else last = { ...outcome, result: 'true' }
    }
  }
  return undecided ?? last ?? { result: 'true', because: '', condition: '' }
}
