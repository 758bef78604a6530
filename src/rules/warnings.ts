/** What is allowed in a rule set and probably not meant. Pure. */
import { configuredPatterns } from './lookup.ts'
import { canonicalPattern, patternsCovering } from './pattern.ts'
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
      ...topicWarnings(rule, path),
    ]
  })
}

/** A topic is accepted, since an exported rule set may well have one, but nobody must rely on it. */
function topicWarnings(rule: Rule, path: Problem['path']): Problem[] {
  return rule.Actions.flatMap((action, place) =>
    Object.entries(action).flatMap(([kind, spec]: [string, object]): Problem[] =>
      'TopicArn' in spec
        ? [
            {
              path: [...path, 'Actions', place, kind, 'TopicArn'],
              reason: 'no notice is sent to this topic yet',
              at: 'key',
            },
          ]
        : [],
    ),
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
      const covering = patternsCovering(pattern)
      const plain = covering.find((each) => always.has(each))
      if (plain !== undefined) return always.get(plain)
      const tls = rule.TlsPolicy === 'Require' && covering.find((each) => overTls.has(each))
      return tls ? overTls.get(tls) : undefined
    })
    if (stoppers.every((name) => name !== undefined)) {
      const names = [...new Set(stoppers)]
      shadows.set(index, `${names.join(', ')} before it stops everything it would take`)
    }
    if (!rule.Actions.some((action) => 'StopAction' in action)) continue
    const stops = rule.TlsPolicy === 'Require' ? overTls : always
    for (const pattern of own) if (!stops.has(pattern)) stops.set(pattern, rule.Name)
  }
  return shadows
}
