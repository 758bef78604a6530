/**
 * What a rule set does with a message. Pure: the same function answers at RCPT time, makes the plan
 * that is kept with the message, and speaks in `postern explain`. Never throws.
 *
 * SES: rule order (reference §1.4, §1.5): every rule that matches fires, in set order, once per
 * message, with the recipients it matched; its actions run in their order. Where SES is silent: a
 * Stop ends evaluation for the recipients that its rule matched, the others go on, so no recipient is
 * lost because of another.
 */
import { type CompiledRuleSet, type Hit, rulesNaming } from './lookup.ts'
import type { PlannedAction, Rule } from './rule-set.ts'
import { type Finding, type Named, type RuleTrace, traceOf } from './trace.ts'

export { type CompiledRuleSet, compile } from './lookup.ts'
export type { RuleTrace } from './trace.ts'

/** What is known of the session when RCPT is answered. */
export type SessionFacts = { readonly tls: boolean }
export type MessageFacts = SessionFacts & { readonly recipients: readonly string[] }

export type Wanted =
  | { readonly wanted: true }
  /** no-rule: SMTP 550 5.1.1. tls-required: every rule that names it requires TLS, 530 5.7.0. */
  | { readonly wanted: false; readonly reason: 'no-rule' | 'tls-required' }

export type Evaluation = {
  /** reject when no rule matches any recipient; a plan may be empty and the message accepted. */
  readonly disposition: 'accept' | 'reject'
  /**
   * Every action to carry out, in order. An AddHeaderAction affects those after it. A StopAction is
   * not among them: evaluation has obeyed it.
   */
  readonly plan: readonly PlannedAction[]
  /** One entry per rule of the set, in order; made when asked for, since only people read it. */
  readonly trace: readonly RuleTrace[]
}

/** Whether a recipient is to be accepted at RCPT. A rule that only stops wants its recipients too. */
export function wants(compiled: CompiledRuleSet, recipient: string, facts: SessionFacts): Wanted {
  let named = false
  for (const { rule } of rulesNaming(compiled, recipient)) {
    if (tlsSuffices(rule, facts)) return { wanted: true }
    named = true
  }
  return { wanted: false, reason: named ? 'tls-required' : 'no-rule' }
}

/** The plan for a message with these recipients. Repeated recipients stay repeated. */
export function evaluate(compiled: CompiledRuleSet, facts: MessageFacts): Evaluation {
  const plan: PlannedAction[] = []
  const findings = new Map<number, Finding>()
  /** Place of a recipient → the rule that stopped it. */
  const stopped = new Map<number, string>()
  for (const { rule, index, named } of candidates(compiled, facts.recipients)) {
    if (!tlsSuffices(rule, facts)) {
      findings.set(index, 'requires-tls')
      continue
    }
    const matched = named.filter(({ place }) => !stopped.has(place))
    findings.set(index, {
      matched,
      stoppedBy: named.flatMap((each) => stopped.get(each.place) ?? []),
    })
    if (matched.length === 0) continue
    const recipients = matched.map(({ recipient }) => recipient)
    for (const action of rule.Actions) {
      if ('StopAction' in action) {
        for (const { place } of matched) stopped.set(place, rule.Name)
        break
      }
      plan.push({ rule: rule.Name, action, recipients, scan: rule.ScanEnabled })
    }
  }
  return {
    // The first rule to name a recipient with enough TLS finds nothing stopped, so it matches.
    disposition: findings.values().some((finding) => finding !== 'requires-tls')
      ? 'accept'
      : 'reject',
    plan,
    get trace() {
      return traceOf(compiled.ruleSet, findings)
    },
  }
}

type Candidate = Pick<Hit, 'rule' | 'index'> & { readonly named: Named[] }

/** The enabled rules that name any of the recipients, in set order. */
function candidates(compiled: CompiledRuleSet, recipients: readonly string[]): Candidate[] {
  const found = new Map<number, Candidate>()
  for (const [place, recipient] of recipients.entries()) {
    for (const { rule, index, pattern } of rulesNaming(compiled, recipient)) {
      const named = found.get(index)?.named ?? []
      if (named.length === 0) found.set(index, { rule, index, named })
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
