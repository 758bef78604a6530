/**
 * The index of a rule set: which enabled rules name a recipient. Its cost depends on the recipient's
 * length and on the rules found, never on the number of rules. Pure.
 */
import { type CompiledConditions, compileConditions, looksAtAttachments } from './decide.ts'
import { type GlobIndex, globIndex } from './globs.ts'
import {
  canonicalAddress,
  canonicalDomain,
  canonicalPattern,
  isGlob,
  patternsCovering,
} from './pattern.ts'
import type { Rule, RuleSet } from './rule-set.ts'

/** One rule that names a recipient. */
export type Hit = {
  readonly rule: Rule
  /** The rule's place in the set. */
  readonly index: number
  /** Absent when the rule has none. */
  readonly conditions?: CompiledConditions
  /** The pattern as written; absent when the rule has none and so takes the configured domains. */
  readonly pattern?: string
}

/** A rule set ready for evaluation; to be made once per load of the set. */
export type CompiledRuleSet = {
  readonly ruleSet: RuleSet
  /** Canonical pattern → the enabled rules that hold it, in set order. */
  readonly byPattern: ReadonlyMap<string, readonly Hit[]>
  /** The same for patterns with a `*`. */
  readonly globs: GlobIndex<Hit>
  /** The enabled rules without recipients, in set order. */
  readonly open: readonly Hit[]
  /** Canonical patterns of the configured domains and their subdomains. */
  readonly configured: ReadonlySet<string>
  /** Whether any condition looks at attachments: the message's MIME structure is walked only then. */
  readonly asksForAttachments: boolean
  /** Whether any rule bounces: some recipients may be refused at RCPT. */
  readonly bounces: boolean
}

/** Indexes a valid rule set. `domains` are those that a rule without recipients takes. */
export function compile(ruleSet: RuleSet, domains: readonly string[]): CompiledRuleSet {
  const byPattern = new Map<string, Hit[]>()
  const globs: (readonly [string, Hit])[] = []
  const open: Hit[] = []
  const enabled = ruleSet.Rules.filter((rule) => rule.Enabled)
  for (const [index, rule] of ruleSet.Rules.entries()) {
    if (!rule.Enabled) continue
    const conditions = compileConditions(rule)
    const hit: Hit = { rule, index, ...(conditions === undefined ? {} : { conditions }) }
    if (rule.Recipients.length === 0) open.push(hit)
    for (const [canonical, pattern] of distinct(rule.Recipients)) {
      const hits = byPattern.get(canonical)
      if (isGlob(canonical)) globs.push([canonical, { ...hit, pattern }])
      else if (hits === undefined) byPattern.set(canonical, [{ ...hit, pattern }])
      else hits.push({ ...hit, pattern })
    }
  }
  return {
    ruleSet,
    byPattern,
    globs: globIndex(globs),
    open,
    configured: configuredPatterns(domains),
    asksForAttachments: enabled.some(looksAtAttachments),
    bounces: enabled.some(({ Actions }) => Actions.some((action) => 'BounceAction' in action)),
  }
}

/** The canonical patterns of a rule without recipients: the configured domains and all below. */
export function configuredPatterns(domains: readonly string[]): ReadonlySet<string> {
  return new Set(domains.map(canonicalDomain).flatMap((domain) => [domain, `.${domain}`]))
}

/** The enabled rules that name a recipient, closest pattern first; a rule may come more than once. */
export function* rulesNaming(compiled: CompiledRuleSet, recipient: string): Generator<Hit> {
  const canonical = canonicalAddress(recipient)
  const patterns = patternsCovering(canonical)
  for (const pattern of patterns) yield* compiled.byPattern.get(pattern) ?? []
  yield* compiled.globs.find(canonical)
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
