/**
 * What a server would answer and do, from RCPT to the end of data, told beforehand: for `postern explain`
 * and for the tests of rules. Asks the functions that the server asks. Pure, never throws.
 */
import { allDisabled, type Verdicts } from '../mail/verdict.ts'
import type { Missing } from './decision.ts'
import { type CompiledRuleSet, evaluate, outlook, type RuleTrace, wants } from './evaluate.ts'
import type { MessageFacts, SessionFacts } from './facts.ts'
import { type ContentLimits, planOf } from './plan.ts'
import type { BounceAction, PlannedAction } from './rule-set.ts'

/** What is known beforehand. Without a message, only what RCPT is answered is certain. */
export type Given = {
  readonly recipients: readonly string[]
  readonly session: SessionFacts
  /** Those that are known; the others are not. */
  readonly verdicts?: Partial<Verdicts>
  readonly message?: GivenMessage
}

export type GivenMessage = Pick<MessageFacts, 'fields' | 'attachments'> & {
  readonly size: number
}

/** What the server has beside its rules. Replies are whole: code, enhanced code, text. */
export type Server = {
  readonly limits: ContentLimits
  readonly replies: {
    readonly accepted: string
    readonly noRule: string
    readonly tlsRequired: string
    readonly noRuleForMessage: string
    readonly uncheckedNow: string
    readonly bounced: (bounce: BounceAction) => string
  }
  /** The reply to a client that an IP filter blocks. */
  readonly blocks: (ip: string) => string | undefined
  /** The reply where verdicts alone refuse a message. */
  readonly refuses: (verdicts: Verdicts) => string | undefined
}

export type Disposition = 'accept' | 'reject' | 'defer'

export type RcptAnswer = {
  readonly recipient: string
  readonly accepted: boolean
  /** Absent when it is accepted. */
  readonly reply?: string
}

export type Forecast = {
  /** Of the whole message; with `depends`, of RCPT: what comes later is not certain. */
  readonly disposition: Disposition
  /** The reply that says so; absent with `depends`. */
  readonly reply?: string
  /** What was not given, when a condition could not be decided without. */
  readonly depends?: readonly Missing[]
  readonly rcpt: readonly RcptAnswer[]
  readonly rules: readonly RuleTrace[]
  /** With `depends`, what would be done if no undecided condition held. */
  readonly plan: readonly PlannedAction[]
  /** Those that no rule does anything for: refused at RCPT, or their rules' conditions do not hold. */
  readonly unmatched: readonly string[]
}

export function forecast(compiled: CompiledRuleSet, given: Given, server: Server): Forecast {
  const { session, verdicts, message } = given
  const { replies } = server
  const rcpt = given.recipients.map((each) => answerTo(compiled, each, session, server))
  const accepted = rcpt.filter((each) => each.accepted).map(({ recipient }) => recipient)
  // Where nobody is accepted there is no message; how the rules see it still says why.
  const recipients = accepted.length > 0 ? accepted : given.recipients
  const facts = { ...session, recipients, ...message, ...(verdicts && { verdicts }) }
  const { plan, trace: rules } = evaluate(compiled, facts)
  const matched = new Set(rules.flatMap((each) => each.recipients))
  const unmatched = given.recipients.filter((each) => !matched.has(each))
  const told = { rcpt, rules, unmatched }
  if (accepted.length === 0) {
    const [first] = rcpt
    return { ...told, ...said(first?.reply ?? replies.noRule), plan: [] }
  }
  const refusal = refusalFor(compiled, facts, server)
  if (refusal !== undefined) return { ...told, ...said(refusal), plan: [] }
  const depends = missingOf(rules)
  if (depends.length > 0) return { ...told, disposition: 'accept', depends, plan }
  const decided = planOf(compiled, facts, message?.size ?? 0, server.limits)
  const reply = {
    accept: decided.bounce === undefined ? replies.accepted : replies.bounced(decided.bounce),
    reject: replies.noRuleForMessage,
    defer: replies.uncheckedNow,
  }[decided.disposition]
  return { ...told, ...said(reply), plan: decided.plan }
}

function said(reply: string): { readonly disposition: Disposition; readonly reply: string } {
  const disposition = reply.startsWith('2') ? 'accept' : reply.startsWith('4') ? 'defer' : 'reject'
  return { disposition, reply }
}

function answerTo(
  compiled: CompiledRuleSet,
  recipient: string,
  session: SessionFacts,
  { replies, blocks }: Server,
): RcptAnswer {
  const blocked = session.remoteIp === undefined ? undefined : blocks(session.remoteIp)
  const refused = (reply: string): RcptAnswer => ({ recipient, accepted: false, reply })
  if (blocked !== undefined) return refused(blocked)
  const wanted = wants(compiled, recipient, session)
  if (wanted.wanted) return { recipient, accepted: true }
  if (wanted.reason === 'bounce') return refused(replies.bounced(wanted.bounce))
  return refused(wanted.reason === 'tls-required' ? replies.tlsRequired : replies.noRule)
}

/** As in the session: verdicts are made only for what some rule may do something with. */
function refusalFor(
  compiled: CompiledRuleSet,
  facts: MessageFacts,
  { refuses }: Server,
): string | undefined {
  const { acts, scan } = outlook(compiled, facts)
  if (!acts) return undefined
  const off = allDisabled('not-given')
  const scanned = scan ? {} : { spam: off.spam, virus: off.virus }
  return refuses({ ...off, ...facts.verdicts, ...scanned })
}

function missingOf(rules: readonly RuleTrace[]): Missing[] {
  const outcomes = rules.flatMap(({ conditions = [] }) => conditions)
  return [...new Set(outcomes.flatMap(({ lacks }) => lacks ?? []))]
}
