/**
 * A kept message goes through the rules again: the plan that they make of it now, and the new entry in the
 * spool. Promises: bytes, envelope, verdicts and time of receipt stay; the id is new, so that nothing that
 * is stored or queued is overwritten or taken for done; the entry is durable when `commitAgain` resolves.
 * Nobody is answered: the sender's session is long over, so that bounces are left out and told.
 */
import { headerSection } from '../mail/header-section.ts'
import { newMessageId } from '../mail/message-id.ts'
import { type ContentLimits, factsOf, type NamedRules, planOf } from '../rules/plan.ts'
import type { PlannedAction, RuleSet } from '../rules/rule-set.ts'
import type { Spool } from '../spool/spool.ts'
import type { Kept } from './kept.ts'

export type ReplayLimits = ContentLimits & {
  /** Of the header section, as smtp.maxHeaderBytes. */
  readonly maxHeaderBytes: number
}

export type ReplayPlan = {
  /**
   * nothing: the rules accept it and ask for no action. undecided: conditions that can't be decided leave
   * a recipient without a rule, or ask that the message comes again. no-rule: no rule takes it.
   */
  readonly outcome: 'act' | 'nothing' | 'undecided' | 'no-rule'
  readonly plan: readonly PlannedAction[]
  /** Recipients that no rule matched. */
  readonly unmatched: readonly string[]
  /** The bounces that are not sent, `550 Message`. */
  readonly bounces: readonly string[]
}

/** What the rules do with it now. Reads the message as far as they ask for it. */
export async function planAgain(
  { kept, recipients, read }: Kept,
  { compiled }: NamedRules,
  { maxHeaderBytes, ...limits }: ReplayLimits,
): Promise<ReplayPlan> {
  const { size, envelope, verdicts } = kept
  const header = await headerSection(read(), maxHeaderBytes)
  const message = { size, header, read: () => buffers(read()) }
  const asked = compiled.asksForAttachments
  const facts = await factsOf({ ...envelope, recipients }, message, verdicts, asked)
  const { disposition, plan, bounce, unmatched } = planOf(compiled, facts, size, limits)
  const said = bounce === undefined ? [] : [bounce]
  // Their notices, too: they would tell of a bounce that nobody got.
  const left = plan.filter(({ action }) => !('BounceAction' in action))
  const planned = plan.flatMap(({ action, notice }) => {
    return 'BounceAction' in action && !notice ? [action.BounceAction] : []
  })
  const bounces = [...said, ...planned].map((each) => `${each.SmtpReplyCode} ${each.Message}`)
  const outcomes = { defer: 'undecided', reject: 'no-rule', accept: 'act' } as const
  const outcome = outcomes[disposition]
  const idle = outcome === 'act' && left.length === 0
  return { outcome: idle ? 'nothing' : outcome, plan: left, unmatched, bounces }
}

/** The new id, when the entry is durable. Rejects when the message is not what it was; then there is none. */
export async function commitAgain(
  spool: Spool,
  { kept, from, read }: Kept,
  { plan, ruleSet }: { readonly plan: readonly PlannedAction[]; readonly ruleSet: string },
  { memoryBytes, now = new Date() }: { readonly memoryBytes: number; readonly now?: Date },
): Promise<string> {
  const draft = spool.receive(memoryBytes)
  try {
    for await (const piece of buffers(read())) {
      draft.write(piece)
      if (draft.congested) await draft.drained()
    }
  } catch (error) {
    draft.discard()
    throw error
  }
  const id = newMessageId(now.getTime())
  const { time, envelope, verdicts } = kept
  // Of a replay that is replayed: the id it was received under.
  const replay = { of: kept.replay?.of ?? kept.id, from, time: now.toISOString() }
  const record = { version: 1, id, time, envelope, ruleSet, verdicts, plan, replay } as const
  await draft.commit(record, () => true)
  return id
}

/**
 * The same rules without their QuarantineActions, for a message that a person lets go: evaluation goes on
 * where such an action had ended it.
 */
export function withoutQuarantine(ruleSet: RuleSet): RuleSet {
  const Rules = ruleSet.Rules.map((rule) => ({
    ...rule,
    Actions: rule.Actions.filter((action) => !('QuarantineAction' in action)),
  }))
  return { ...ruleSet, Rules }
}

async function* buffers(source: AsyncIterable<Uint8Array>): AsyncGenerator<Buffer> {
  for await (const { buffer, byteOffset, byteLength } of source)
    yield Buffer.from(buffer, byteOffset, byteLength)
}
