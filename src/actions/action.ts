/**
 * The contract of an action. Each kind is one file here and one row in registry.ts; how to add one is
 * in docs/hacking.md.
 */
import type { AddedField } from '../mail/prepend.ts'
import type { KeptMessage, Receipt } from '../mail/receipt.ts'
import type { PlannedAction } from '../rules/rule-set.ts'

/** One planned action and the message it is for. */
export type Delivery = {
  readonly record: KeptMessage
  readonly planned: PlannedAction
  /** Fields of the AddHeader actions that came before. */
  readonly added: readonly AddedField[]
  /** The message as received, from its start each time; throws at its end if it is damaged. */
  readonly message: () => AsyncIterable<Uint8Array>
}

/**
 * Carries out one action. Runs at least once per delivery, so a second run must leave what the first
 * left. Returning means done; throwing means not done (errors.ts: `PermanentError` gives up at once).
 */
export type Action = (delivery: Delivery) => Promise<void>

/** SES: without ScanEnabled the rule's copy reads DISABLED for spam and virus. */
export function receiptOf({ record, planned }: Delivery): Receipt {
  const { id, time, envelope, ruleSet, size, sha256 } = record
  const unscanned = { verdict: 'DISABLED', reason: 'scan-not-enabled' } as const
  const verdicts = planned.scan
    ? record.verdicts
    : { ...record.verdicts, spam: unscanned, virus: unscanned }
  const { rule, recipients } = planned
  return { version: 1, id, time, envelope, ruleSet, rule, recipients, verdicts, size, sha256 }
}
