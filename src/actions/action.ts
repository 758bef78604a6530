/**
 * The contract of an action. Each kind is one file here and one row in registry.ts; how to add one is
 * in docs/hacking.md.
 */
import type { AddedField } from '../mail/prepend.ts'
import type { KeptMessage, Receipt } from '../mail/receipt.ts'
import type { Disposition } from '../notify/disposition.ts'
import type { PlannedAction, S3Action } from '../rules/rule-set.ts'

/** One step of a plan and the message it is for. */
export type Delivery = {
  readonly record: KeptMessage
  readonly planned: PlannedAction
  /** Fields of the AddHeader actions that came before. */
  readonly added: readonly AddedField[]
  /** The message as received, from its start each time; throws at its end if it is damaged. */
  readonly message: () => AsyncIterable<Uint8Array>
  /** Names this step of this message, on every attempt the same: targets know repetitions by it. */
  readonly noticeId: string
  /** The S3Action of the rule that has stored the message before this step. */
  readonly stored?: S3Action
}

/**
 * Carries out one step. Runs at least once per delivery, so a second run must leave what the first
 * left. Returning means done; throwing means not done (errors.ts: `PermanentError` gives up at once). Only
 * functions return a word about the steps behind theirs.
 */
// biome-ignore lint/suspicious/noConfusingVoidType: most actions have nothing to say
export type Action = (delivery: Delivery) => Promise<Disposition | void>

/** SES: without ScanEnabled the rule's copy reads DISABLED for spam and virus. */
export function receiptOf({ record, planned }: Pick<Delivery, 'record' | 'planned'>): Receipt {
  const { id, time, envelope, ruleSet, size, sha256, replay } = record
  const unscanned = { verdict: 'DISABLED', reason: 'scan-not-enabled' } as const
  const verdicts = planned.scan
    ? record.verdicts
    : { ...record.verdicts, spam: unscanned, virus: unscanned }
  const { rule, recipients } = planned
  const kept = { version: 1, id, time, envelope, ruleSet, rule, recipients, verdicts } as const
  return { ...kept, size, sha256, ...(replay === undefined ? {} : { replay }) }
}
