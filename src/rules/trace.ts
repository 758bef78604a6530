/** Why each rule matched or did not, in words for the operator. Pure. */
import type { Rule, RuleSet } from './rule-set.ts'

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
      /** The recipients it named that no earlier rule had stopped. */
      readonly matched: readonly Named[]
      /** The rules that stopped the others. */
      readonly stoppedBy: readonly string[]
    }

export type RuleTrace = {
  readonly name: string
  readonly matched: boolean
  /** The envelope recipients the rule's actions are for; empty when it did not match. */
  readonly recipients: readonly string[]
  /** One plain clause. */
  readonly why: string
}

/** One entry per rule of the set, in order. */
export function traceOf(
  ruleSet: RuleSet,
  findings: ReadonlyMap<number, Finding>,
): readonly RuleTrace[] {
  return ruleSet.Rules.map((rule, index) => {
    const finding = findings.get(index)
    const matched = typeof finding === 'object' ? finding.matched : []
    const recipients = matched.map(({ recipient }) => recipient)
    return {
      name: rule.Name,
      matched: matched.length > 0,
      recipients,
      why: reasonFor(rule, finding),
    }
  })
}

function reasonFor(rule: Rule, finding: Finding | undefined): string {
  if (!rule.Enabled) return 'disabled'
  if (finding === undefined) return 'no recipient matches'
  if (finding === 'requires-tls') return 'requires TLS'
  const stops = distinct(finding.stoppedBy)
  const stopped = `stopped earlier by ${plural('rule', stops)}`
  if (finding.matched.length === 0) return stopped
  const matched = matchedBy(finding.matched)
  return stops.length === 0 ? matched : `${matched}, other recipients ${stopped}`
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
