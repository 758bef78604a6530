/**
 * What a rule set does with a message. Pure: the same function answers at RCPT time, makes the plan
 * that is kept with the message, and speaks in `postern explain`. Never throws.
 *
 * SES: rule order (reference §1.4, §1.5): every rule that matches fires, in set order, once per
 * message, with the recipients it matched; its actions run in their order. Where SES is silent: a
 * Stop ends evaluation for the recipients that its rule matched, the others go on, so no recipient is
 * lost because of another. Conditions are three-valued: see OnUndecided in rule-set.ts.
 */
import { decide, type Outcome } from './decide.ts'
import type { MessageFacts, SessionFacts } from './facts.ts'
import { type CompiledRuleSet, type Hit, rulesNaming } from './lookup.ts'
import {
  type BounceAction,
  noticeTopic,
  type PlannedAction,
  type Rule,
  type RuleAction,
} from './rule-set.ts'
import { type Finding, type Named, type RuleTrace, traceOf } from './trace.ts'

export type { MessageFacts, SessionFacts } from './facts.ts'
export { type CompiledRuleSet, compile } from './lookup.ts'
export type { RuleTrace } from './trace.ts'

export type Wanted =
  | { readonly wanted: true }
  /** no-rule: SMTP 550 5.1.1. tls-required: every rule that may want it requires TLS, 530 5.7.0. */
  | { readonly wanted: false; readonly reason: 'no-rule' | 'tls-required' }
  /** All that the rules would do for it is to bounce the message. */
  | { readonly wanted: false; readonly reason: 'bounce'; readonly bounce: BounceAction }

export type Evaluation = {
  /**
   * reject: no rule matches any recipient. defer: a rule asks for it, or a recipient is left without a
   * rule because a condition could not be decided. A plan may be empty and the message accepted.
   */
  readonly disposition: 'accept' | 'reject' | 'defer'
  /**
   * Every action to carry out, in order. An AddHeaderAction affects those after it. StopAction and
   * DropAction are not among them, evaluation has obeyed them; a QuarantineAction is, and ends
   * evaluation like a Stop.
   */
  readonly plan: readonly PlannedAction[]
  /** Recipients that no rule matched, though one may have named them: its conditions did not hold. */
  readonly unmatched: readonly string[]
  /** One entry per rule of the set, in order; made when asked for, since only people read it. */
  readonly trace: readonly RuleTrace[]
}

/** Whether a recipient is to be accepted at RCPT. A rule that only stops wants its recipients too. */
export function wants(compiled: CompiledRuleSet, recipient: string, facts: SessionFacts): Wanted {
  let reason: 'no-rule' | 'tls-required' = 'no-rule'
  const message = { ...facts, recipients: [recipient] }
  for (const { rule, conditions } of rulesNaming(compiled, recipient)) {
    const suffices = tlsSuffices(rule, facts)
    const asked = suffices ? message : { ...message, tls: true }
    // What can't be decided yet may still come true; where it can't, TLS would not help.
    if (conditions !== undefined && decide(conditions, asked, recipient).result === 'false')
      continue
    if (suffices) return compiled.bounces ? unlessBounced(compiled, message) : { wanted: true }
    reason = 'tls-required'
  }
  return { wanted: false, reason }
}

/** A bounce at RCPT spares both sides the message; only where nothing else would be done or undecided. */
function unlessBounced(compiled: CompiledRuleSet, facts: MessageFacts): Wanted {
  const { plan, undecided } = walk(compiled, facts)
  const [first] = plan.filter(({ action }) => !('AddHeaderAction' in action))
  const bounces = plan.every(({ action, notice }) => {
    return !notice && ('BounceAction' in action || 'AddHeaderAction' in action)
  })
  if (undecided || !bounces || first === undefined || !('BounceAction' in first.action))
    return { wanted: true }
  return { wanted: false, reason: 'bounce', bounce: first.action.BounceAction }
}

/** The plan for a message with these recipients. Repeated recipients stay repeated. */
export function evaluate(compiled: CompiledRuleSet, facts: MessageFacts): Evaluation {
  const { plan, findings, taken, skipped, deferred } = walk(compiled, facts)
  const unmatched = facts.recipients.filter((_, place) => !taken.has(place))
  const lost = facts.recipients.some((_, place) => skipped.has(place) && !taken.has(place))
  const none = unmatched.length === facts.recipients.length
  return {
    disposition: deferred || lost ? 'defer' : none ? 'reject' : 'accept',
    plan,
    unmatched,
    get trace() {
      return traceOf(compiled.ruleSet, findings)
    },
  }
}

export type Outlook = {
  /** Whether any rule may have something done with the message. */
  readonly acts: boolean
  /** Whether any of those asks for a scan. */
  readonly scan: boolean
}

/** What may come of a message whose verdicts are not made yet: whether they are worth making. */
export function outlook(compiled: CompiledRuleSet, facts: MessageFacts): Outlook {
  let acts = false
  let scan = false
  /** Places of recipients that surely no later rule gets to. */
  const stopped = new Set<number>()
  for (const { rule, named, conditions } of candidates(compiled, facts.recipients)) {
    const free = named.filter(({ place }) => !stopped.has(place))
    if (free.length === 0 || !tlsSuffices(rule, facts)) continue
    const idle = rule.Actions.every((each) => steps(rule, each, []).length === 0)
    // What a rule with conditions stops depends on them, and they on the verdicts.
    const surely = conditions === undefined
    if (surely && rule.Actions.some(endsEvaluation))
      for (const { place } of free) stopped.add(place)
    if (surely && idle) continue
    acts = true
    scan ||= rule.ScanEnabled
  }
  return { acts, scan }
}

type Walk = {
  readonly plan: PlannedAction[]
  readonly findings: Map<number, Finding>
  /** Places of recipients that some rule matched; that some rule left out because of doubt. */
  readonly taken: Set<number>
  readonly skipped: Set<number>
  readonly undecided: boolean
  readonly deferred: boolean
}

function walk(compiled: CompiledRuleSet, facts: MessageFacts): Walk {
  const plan: PlannedAction[] = []
  const findings = new Map<number, Finding>()
  const taken = new Set<number>()
  const skipped = new Set<number>()
  /** Place of a recipient → the rule that stopped it. */
  const stopped = new Map<number, string>()
  let undecided = false
  let deferred = false
  for (const { rule, index, named, conditions } of candidates(compiled, facts.recipients)) {
    if (!tlsSuffices(rule, facts)) {
      findings.set(index, 'requires-tls')
      continue
    }
    const free = named.filter(({ place }) => !stopped.has(place))
    const asked = ask(conditions, facts, free)
    const policy = rule.OnUndecided ?? 'SKIP'
    const matched: Named[] = []
    for (const [each, outcome] of asked) {
      if (outcome?.result === 'undecided') {
        undecided = true
        if (policy === 'DEFER') deferred = true
        if (policy !== 'MATCH') skipped.add(each.place)
      }
      const fits = outcome === undefined || outcome.result === 'true'
      if (fits || (outcome.result === 'undecided' && policy === 'MATCH')) matched.push(each)
    }
    const outcomes = asked.flatMap(([, outcome]) => outcome ?? [])
    findings.set(index, {
      matched,
      stoppedBy: named.flatMap((each) => stopped.get(each.place) ?? []),
      outcomes,
      policy,
    })
    for (const { place } of matched) taken.add(place)
    if (matched.length === 0) continue
    const recipients = matched.map(({ recipient }) => recipient)
    for (const action of rule.Actions) {
      plan.push(...steps(rule, action, recipients))
      if (!endsEvaluation(action)) continue
      for (const { place } of matched) stopped.set(place, rule.Name)
      break
    }
  }
  return { plan, findings, taken, skipped, undecided, deferred }
}

/** The outcome for each; `undefined` where the rule has no conditions. */
function ask(
  conditions: Hit['conditions'],
  facts: MessageFacts,
  named: readonly Named[],
): readonly (readonly [Named, Outcome | undefined])[] {
  if (conditions === undefined) return named.map((each) => [each, undefined])
  if (conditions.perRecipient)
    return named.map((each) => [each, decide(conditions, facts, each.recipient)])
  const [first] = named
  const outcome = first && decide(conditions, facts, first.recipient)
  return named.map((each) => [each, outcome])
}

/** The action, unless evaluation itself obeys it, then the notice to its topic. */
function steps(rule: Rule, action: RuleAction, recipients: readonly string[]): PlannedAction[] {
  const step = { rule: rule.Name, action, recipients, scan: rule.ScanEnabled }
  const obeyed = 'StopAction' in action || 'DropAction' in action
  return [
    ...(obeyed ? [] : [step]),
    ...(noticeTopic(action) === undefined ? [] : [{ ...step, notice: true as const }]),
  ]
}

/** SES: a Stop. Ours: what is dropped or held is not stored by the rules below. */
export function endsEvaluation(action: RuleAction): boolean {
  return 'StopAction' in action || 'DropAction' in action || 'QuarantineAction' in action
}

type Candidate = Pick<Hit, 'rule' | 'index' | 'conditions'> & { readonly named: Named[] }

/** The enabled rules that name any of the recipients, in set order. */
function candidates(compiled: CompiledRuleSet, recipients: readonly string[]): Candidate[] {
  const found = new Map<number, Candidate>()
  for (const [place, recipient] of recipients.entries()) {
    for (const { rule, index, pattern, conditions } of rulesNaming(compiled, recipient)) {
      const known = found.get(index)
      const named = known?.named ?? []
      if (known === undefined)
        found.set(index, {
          rule,
          index,
          named,
          ...(conditions === undefined ? {} : { conditions }),
        })
      // A rule found again by a wider pattern keeps the closest.
      if (named.at(-1)?.place !== place) named.push({ place, recipient, pattern })
    }
  }
  return [...found.values()].sort((one, other) => one.index - other.index)
}

/** SES: a rule with TlsPolicy Require does not match mail that came without TLS. */
function tlsSuffices(rule: Rule, { tls }: SessionFacts): boolean {
  return tls || rule.TlsPolicy === 'Optional'
}
