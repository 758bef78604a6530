/** What is allowed in a rule set and probably not meant. Pure. */
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
  return ruleSet.Rules.flatMap((rule, index) => {
    const path = ['Rules', index]
    const shadow = shadows.get(index)
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
      ...scanWarnings(rule, path),
    ]
  })
}

/** SPAM and VIRUS are DISABLED for such a rule, so that its conditions can never be decided. */
function scanWarnings(rule: Rule, path: Problem['path']): Problem[] {
  if (rule.ScanEnabled) return []
  return (['Conditions', 'Unless'] as const).flatMap((list) =>
    (rule[list] ?? []).flatMap((condition, place): Problem[] => {
      const spec: { Evaluate?: { Attribute?: string } } = Object.values(condition)[0] ?? {}
      const attribute = spec.Evaluate?.Attribute ?? ''
      if (!['SPAM', 'VIRUS', 'SPAM_SCORE'].includes(attribute)) return []
      const reason = `looks at ${attribute}, but the rule has no ScanEnabled: true, so that it can never be decided`
      return [{ path: [...path, list, place], reason }]
    }),
  )
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
    // Conditions let some mail pass by.
    const surely = (rule.Conditions ?? []).length + (rule.Unless ?? []).length === 0
    if (!surely || !rule.Actions.some(endsEvaluation)) continue
    const stops = rule.TlsPolicy === 'Require' ? overTls : always
    for (const pattern of own) if (!stops.has(pattern)) stops.set(pattern, rule.Name)
  }
  return shadows
}
