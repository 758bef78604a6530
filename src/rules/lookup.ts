/**
 * The index of a rule set: which enabled rules name a recipient. Its cost depends on the labels of
 * the recipient's domain and on the rules found, never on the number of rules. Pure.
 */
import { canonicalAddress, canonicalDomain, canonicalPattern, patternsCovering } from './pattern.ts'
import type { Rule, RuleSet } from './rule-set.ts'

/** One rule that names a recipient. */
export type Hit = {
  readonly rule: Rule
  /** The rule's place in the set. */
  readonly index: number
  /** The pattern as written; absent when the rule has none and so takes the configured domains. */
  readonly pattern?: string
}

/** A rule set ready for evaluation; to be made once per load of the set. */
export type CompiledRuleSet = {
  readonly ruleSet: RuleSet
  /** Canonical pattern → the enabled rules that hold it, in set order. */
  readonly byPattern: ReadonlyMap<string, readonly Hit[]>
  /** The enabled rules without recipients, in set order. */
  readonly open: readonly Hit[]
  /** Canonical patterns of the configured domains and their subdomains. */
  readonly configured: ReadonlySet<string>
}

/** Indexes a valid rule set. `domains` are those that a rule without recipients takes. */
export function compile(ruleSet: RuleSet, domains: readonly string[]): CompiledRuleSet {
  const byPattern = new Map<string, Hit[]>()
  const open: Hit[] = []
  for (const [index, rule] of ruleSet.Rules.entries()) {
    if (!rule.Enabled) continue
    if (rule.Recipients.length === 0) open.push({ rule, index })
    for (const [canonical, pattern] of distinct(rule.Recipients)) {
      const hits = byPattern.get(canonical)
      if (hits === undefined) byPattern.set(canonical, [{ rule, index, pattern }])
      else hits.push({ rule, index, pattern })
    }
  }
  return { ruleSet, byPattern, open, configured: configuredPatterns(domains) }
}

/** The canonical patterns of a rule without recipients: the configured domains and all below. */
export function configuredPatterns(domains: readonly string[]): ReadonlySet<string> {
  return new Set(domains.map(canonicalDomain).flatMap((domain) => [domain, `.${domain}`]))
}

/** The enabled rules that name a recipient, closest pattern first; a rule may come more than once. */
export function* rulesNaming(compiled: CompiledRuleSet, recipient: string): Generator<Hit> {
  const patterns = patternsCovering(canonicalAddress(recipient))
  for (const pattern of patterns) yield* compiled.byPattern.get(pattern) ?? []
  if (patterns.some((pattern) => compiled.configured.has(pattern))) yield* compiled.open
}

/** A rule may hold a pattern twice, in two spellings: the first counts. */
function distinct(patterns: readonly string[]): Map<string, string> {
  const found = new Map<string, string>()
  for (const pattern of patterns) {
    const canonical = canonicalPattern(pattern)
    if (!found.has(canonical)) found.set(canonical, pattern)
  }
  return found
}
