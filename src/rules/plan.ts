/**
 * The plan for a message that is there: evaluation by the rules in force, what its size forbids, what can
 * be said in the session; and beside it what the shadow rule set would have done. Reads the message,
 * changes nothing.
 */
import type { CapturedMessage } from '../mail/captured.ts'
import type { Envelope } from '../mail/envelope.ts'
import { headerFields } from '../mail/header-fields.ts'
import { limits, type MimeStructure, mimeStructure } from '../mail/mime.ts'
import type { Verdicts } from '../mail/verdict.ts'
import { sessionBounce, withinSizes } from './bounce.ts'
import { type CompiledRuleSet, evaluate } from './evaluate.ts'
import type { HeaderField, MessageFacts } from './facts.ts'
import type { BounceAction, PlannedAction } from './rule-set.ts'

export type NamedRules = { readonly name: string; readonly compiled: CompiledRuleSet }

/** The rule set that decides, and one that is evaluated beside it and never carried out. */
export type RuleSets = { readonly active: NamedRules; readonly shadow?: NamedRules }

/** What an SNSAction can carry, and what becomes of a message that is larger (options: notifications). */
export type ContentLimits = {
  readonly maxContentBytes: number
  readonly oversize: 'bounce' | 'reference'
}

export type MessagePlan = {
  readonly disposition: 'accept' | 'reject' | 'defer'
  readonly plan: readonly PlannedAction[]
  /** What the client is answered instead of 250; the rest of the plan is carried out all the same. */
  readonly bounce?: BounceAction
  readonly unmatched: readonly string[]
}

export type Received = {
  readonly envelope: Envelope
  readonly message: CapturedMessage
  /** Absent when they were not worth making. */
  readonly verdicts: Verdicts | undefined
}

/** `differs`: what both rule sets would do, in words, where the shadow would do otherwise. */
export async function planFor(
  { envelope, message, verdicts }: Received,
  { active, shadow }: RuleSets,
  content: ContentLimits,
): Promise<MessagePlan & { readonly differs?: { active: Spelt; shadow: Spelt } }> {
  const asked = [active, shadow].some((each) => each?.compiled.asksForAttachments)
  const facts = await factsOf(envelope, message, verdicts, asked)
  const ours = planOf(active.compiled, facts, message.size, content)
  if (shadow === undefined) return ours
  const differs = {
    active: spell(ours),
    shadow: spell(planOf(shadow.compiled, facts, message.size, content)),
  }
  const same = JSON.stringify(differs.active) === JSON.stringify(differs.shadow)
  return same ? ours : { ...ours, differs }
}

/** What the rules may look at. `withAttachments`: the MIME structure is walked only for who asks. */
export async function factsOf(
  envelope: Envelope,
  message: CapturedMessage,
  verdicts: Verdicts | undefined,
  withAttachments: boolean,
): Promise<MessageFacts> {
  const { recipients, reversePath, helo, remoteIp, tls } = envelope
  const structure = withAttachments ? await mimeStructure(message) : undefined
  const known = structure !== undefined && tellsAttachments(structure)
  let fields: readonly HeaderField[] | undefined
  return {
    recipients,
    reversePath,
    helo,
    remoteIp,
    tls: tls !== undefined,
    size: message.size,
    fields: () => (fields ??= headerFields(message.header)),
    ...(known ? { attachments: structure.attachments } : {}),
    ...(verdicts === undefined ? {} : { verdicts }),
  }
}

/** What two readers see differently, or is beyond what the walk tells, decides nothing (pitfalls B12). */
function tellsAttachments({ attachments, ambiguous, unusual }: MimeStructure): boolean {
  const untold = unusual.some((each) => each === 'mime-limits' || each === 'uuencoded')
  return ambiguous.length === 0 && !untold && attachments.length < limits.attachments
}

/** What the rule set does with the message, sizes and session considered. Pure. */
export function planOf(
  compiled: CompiledRuleSet,
  facts: MessageFacts,
  size: number,
  { maxContentBytes, oversize }: ContentLimits,
): MessagePlan {
  const { disposition, plan: planned, unmatched } = evaluate(compiled, facts)
  if (disposition !== 'accept') return { disposition, plan: [], unmatched }
  const fitting = withinSizes(planned, size, {
    limit: maxContentBytes,
    byReference: oversize === 'reference',
  })
  const bounce = sessionBounce(fitting, facts.recipients)
  return bounce === undefined
    ? { disposition, plan: fitting, unmatched }
    : { disposition, plan: bounce.rest, bounce: bounce.reply, unmatched }
}

type Spelt = {
  readonly disposition: string
  readonly plan: readonly string[]
  readonly bounce?: string
  readonly unmatched: readonly string[]
}

/** In words: for a comparison, and for the log. */
export function spell({ disposition, plan, bounce, unmatched }: MessagePlan): Spelt {
  return {
    disposition,
    // The whole action: where it differs may be in its least part, a key or a header's value.
    plan: plan.map(({ rule, action, recipients, scan, notice }) => {
      const what = `${notice ? 'notice of ' : ''}${JSON.stringify(action)}`
      return `${rule}: ${what}${scan ? '' : ', not scanned,'} for ${recipients.join(', ')}`
    }),
    ...(bounce === undefined ? {} : { bounce: JSON.stringify(bounce) }),
    unmatched,
  }
}
