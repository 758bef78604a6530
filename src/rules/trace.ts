/** Why each rule matched or did not, in words for the operator. Pure. */
import type { Outcome } from './decide.ts'
import type { OnUndecided, Rule, RuleSet } from './rule-set.ts'

/** A recipient that a rule names, and by which pattern (none: the rule has no recipients). */
export type Named = {
  /** Its place among the envelope's recipients. */
  readonly place: number
  readonly recipient: string
  readonly pattern: string | undefined
}

/** What evaluation found out about an enabled rule that names some recipient. */
export type Finding =
  | 'requires-tls'
  | {
      /** The recipients it named that no earlier rule had stopped and its conditions let through. */
      readonly matched: readonly Named[]
      /** The rules that stopped the others. */
      readonly stoppedBy: readonly string[]
      /** What its conditions said, once or for each recipient; none: it has no conditions. */
      readonly outcomes: readonly Outcome[]
      readonly policy: OnUndecided
    }

export type RuleTrace = {
  readonly name: string
  readonly matched: boolean
  /** The envelope recipients the rule's actions are for; empty when it did not match. */
  readonly recipients: readonly string[]
  /** One plain clause. */
  readonly why: string
  /** Of a rule with conditions that was asked: what decided, each once. */
  readonly conditions?: readonly Outcome[]
}

/** One entry per rule of the set, in order. */
export function traceOf(
  ruleSet: RuleSet,
  findings: ReadonlyMap<number, Finding>,
): readonly RuleTrace[] {
  return ruleSet.Rules.map((rule, index) => {
    const finding = findings.get(index)
    const matched = typeof finding === 'object' ? finding.matched : []
    const outcomes = typeof finding === 'object' ? different(finding.outcomes) : []
    return {
      name: rule.Name,
      matched: matched.length > 0,
      recipients: matched.map(({ recipient }) => recipient),
      why: reasonFor(rule, finding),
      ...(outcomes.length === 0 ? {} : { conditions: outcomes }),
    }
  })
}

function reasonFor(rule: Rule, finding: Finding | undefined): string {
  if (!rule.Enabled) return 'disabled'
  if (finding === undefined) return 'no recipient matches'
  if (finding === 'requires-tls') return 'requires TLS'
  const { matched, stoppedBy, outcomes, policy } = finding
  const stops = distinct(stoppedBy)
  const stopped = `stopped earlier by ${plural('rule', stops)}`
  const doubt = outcomes.find(({ result }) => result === 'undecided')
  const against = outcomes.find(({ result }) => result === 'false')
  if (matched.length === 0) {
    if (doubt !== undefined) return `${undecidedBy(doubt)}, so it ${ways[policy]}`
    return against === undefined ? stopped : `ruled out: ${said(against)}`
  }
  const parts = [matchedBy(matched)]
  if (doubt !== undefined) parts.push(`${undecidedBy(doubt)}, and it ${ways[policy]}`)
  else if (against !== undefined) parts.push(`other recipients ruled out: ${said(against)}`)
  if (stops.length > 0) parts.push(`other recipients ${stopped}`)
  return parts.join(', ')
}

const ways: Readonly<Record<OnUndecided, string>> = {
  SKIP: 'is skipped',
  MATCH: 'counts as a match (OnUndecided: MATCH)',
  DEFER: 'defers the message (OnUndecided: DEFER)',
}

function undecidedBy(outcome: Outcome): string {
  return `undecided: ${said(outcome)}`
}

function said({ condition, because }: Outcome): string {
  return because === '' ? condition : `${condition}; ${because}`
}

function matchedBy(matched: readonly Named[]): string {
  const patterns = distinct(matched.flatMap(({ pattern }) => pattern ?? []))
  // A rule either has patterns or takes the configured domains, never both.
  if (patterns.length === 0)
    return 'matched by a configured domain, as the rule names no recipients'
  return `matched by ${plural('pattern', patterns)}`
}

function plural(noun: string, names: readonly string[]): string {
  return `${noun}${names.length === 1 ? '' : 's'} ${names.join(', ')}`
}

function distinct(names: readonly string[]): string[] {
  return [...new Set(names)]
}

function different(outcomes: readonly Outcome[]): Outcome[] {
  const byText = new Map(outcomes.map((each) => [JSON.stringify(each), each]))
  return [...byText.values()]
}
