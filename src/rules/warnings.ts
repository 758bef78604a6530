/** What is allowed in a rule set and probably not meant. Pure. */
import type { Condition } from './condition.ts'
import { endsEvaluation } from './evaluate.ts'
import { configuredPatterns } from './lookup.ts'
import { canonicalPattern, patternsAbove } from './pattern.ts'
import type { Rule, RuleSet } from './rule-set.ts'
import type { Problem } from './source.ts'

/**
 * Warnings about a valid rule set, in file order. `domains` are the configured ones; without them
 * nothing is said of rules that a Stop could shadow only through a configured domain.
 */
export function warningsFor(ruleSet: RuleSet, domains: readonly string[] = []): Problem[] {
  if (ruleSet.Rules.length === 0) {
    return [{ path: ['Rules'], reason: 'is empty: every recipient is refused' }]
  }
  const shadows = shadowsIn(ruleSet, domains)
  const second = behindBounces(ruleSet, domains)
  return ruleSet.Rules.flatMap((rule, index) => {
    const path = ['Rules', index]
    const shadow = shadows.get(index)
    const other = second.get(index)
    return [
      ...(rule.Enabled ? [] : [{ path, reason: `rule ${rule.Name} is disabled` }]),
      ...(shadow === undefined
        ? []
        : [{ path, reason: `rule ${rule.Name} can never match: ${shadow}` }]),
      ...(rule.Actions.length > 0
        ? []
        : [
            { path, reason: `rule ${rule.Name} has no actions: its mail is accepted and not kept` },
          ]),
      ...(other === undefined
        ? []
        : [
            {
              path,
              reason: `rule ${rule.Name} bounces and does not stop: rule ${other} acts on the same mail as well; if it should not, add behind the bounce: StopAction: { Scope: RuleSet }`,
            },
          ]),
      ...scanWarnings(rule, path),
    ]
  })
}

/** SPAM and VIRUS are DISABLED for such a rule, so that its conditions can never be decided. */
function scanWarnings(rule: Rule, path: Problem['path']): Problem[] {
  if (rule.ScanEnabled) return []
  return (['Conditions', 'Unless'] as const).flatMap((list) =>
    (rule[list] ?? []).flatMap((condition, place): Problem[] => {
      const attribute = scanAsked(condition)
      if (attribute === undefined) return []
      const reason = `looks at ${attribute}, but the rule has no ScanEnabled: true, so that it can never be decided`
      return [{ path: [...path, list, place], reason }]
    }),
  )
}

/** What an engine has to find out for a condition; `undefined` where it is decided without one, too. */
export function scanAsked(condition: Condition): 'SPAM' | 'VIRUS' | 'SPAM_SCORE' | undefined {
  if ('NumberExpression' in condition) {
    const { Attribute } = condition.NumberExpression.Evaluate
    return Attribute === 'SPAM_SCORE' ? Attribute : undefined
  }
  if (!('VerdictExpression' in condition)) return undefined
  const { Evaluate, Values } = condition.VerdictExpression
  const scanned = Evaluate.Attribute === 'SPAM' || Evaluate.Attribute === 'VIRUS'
  return scanned && !Values.includes('DISABLED') ? (Evaluate.Attribute as 'SPAM') : undefined
}

/**
 * Place of a rule that bounces without a Stop → the next rule that surely takes some of the same mail and
 * does something with it. SES: a bounce ends nothing (reference §1.6)
 */
function behindBounces(ruleSet: RuleSet, domains: readonly string[]): ReadonlyMap<number, string> {
  const configured = [...configuredPatterns(domains)]
  const found = new Map<number, string>()
  /**
   * Canonical pattern → the nearest rule behind that holds it and does something, `undefined` for one that
   * only stops; '' stands for every configured address.
   */
  const behind = new Map<string, string | undefined>()
  for (const [index, rule] of [...ruleSet.Rules.entries()].toReversed()) {
    if (!rule.Enabled) continue
    const own = rule.Recipients.length === 0 ? [''] : rule.Recipients.map(canonicalPattern)
    const bounces = rule.Actions.some((action) => 'BounceAction' in action)
    if (bounces && !rule.Actions.some(endsEvaluation)) {
      const above = own.flatMap((pattern) => {
        if (pattern === '') return ['']
        const all = patternsAbove(pattern)
        const open = configured.length === 0 || all.some((each) => configured.includes(each))
        return open ? [...all, ''] : all
      })
      const closest = above.find((pattern) => behind.has(pattern))
      const next = closest === undefined ? undefined : behind.get(closest)
      if (next !== undefined) found.set(index, next)
    }
    if (isConditional(rule)) continue
    const idle = rule.Actions.every((each) => 'StopAction' in each || 'DropAction' in each)
    if (idle && !rule.Actions.some(endsEvaluation)) continue
    for (const pattern of own) behind.set(pattern, idle ? undefined : rule.Name)
  }
  return found
}

/** Place of a rule that can never match → which earlier rules stop everything it would take. */
function shadowsIn(ruleSet: RuleSet, domains: readonly string[]): ReadonlyMap<number, string> {
  /** Canonical pattern → the enabled rule that stops it: for every session, and for TLS only. */
  const always = new Map<string, string>()
  const overTls = new Map<string, string>()
  const everything = [...configuredPatterns(domains)]
  const shadows = new Map<number, string>()
  for (const [index, rule] of ruleSet.Rules.entries()) {
    if (!rule.Enabled) continue
    // Without configured domains, an open rule is only covered by another open one: '' stands for it.
    const open = everything.length === 0 ? [''] : everything
    const own = rule.Recipients.length === 0 ? open : rule.Recipients.map(canonicalPattern)
    const stoppers = own.map((pattern) => {
      const covering = patternsAbove(pattern)
      const plain = covering.find((each) => always.has(each))
      if (plain !== undefined) return always.get(plain)
      const tls = rule.TlsPolicy === 'Require' && covering.find((each) => overTls.has(each))
      return tls ? overTls.get(tls) : undefined
    })
    if (stoppers.every((name) => name !== undefined)) {
      const names = [...new Set(stoppers)]
      shadows.set(index, `${names.join(', ')} before it stops everything it would take`)
    }
    if (isConditional(rule) || !rule.Actions.some(endsEvaluation)) continue
    const stops = rule.TlsPolicy === 'Require' ? overTls : always
    for (const pattern of own) if (!stops.has(pattern)) stops.set(pattern, rule.Name)
  }
  return shadows
}

/** Conditions let some mail pass by. */
function isConditional({ Conditions = [], Unless = [] }: Rule): boolean {
  return Conditions.length + Unless.length > 0
}
