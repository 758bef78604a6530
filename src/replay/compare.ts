/** What was done with a message beside what would be done now, step by step. Pure. */
import { objectKey } from '../mail/object-key.ts'
import { describeStep } from '../rules/describe.ts'
import type { PlannedAction } from '../rules/rule-set.ts'

export type KnownStep = {
  readonly rule: string
  readonly action: string
  readonly target: string
  /** Absent of a stored copy that was not opened: only the receipt in it knows. */
  readonly recipients?: readonly string[]
}

export type Comparison = {
  readonly same: readonly KnownStep[]
  /** What was done and would not be. */
  readonly gone: readonly KnownStep[]
  /** What would be done and, as far as is known, was not. */
  readonly added: readonly KnownStep[]
}

/** A step of a plan. A prefix with and without its slash is one place. */
export function knownStep(step: PlannedAction): KnownStep {
  const { rule, action, target } = describeStep(step)
  const { recipients } = step
  if (!('S3Action' in step.action) || step.notice) return { rule, action, target, recipients }
  const { BucketName, ObjectKeyPrefix } = step.action.S3Action
  return {
    rule,
    action,
    target: objectKey(`${BucketName}/${ObjectKeyPrefix ?? ''}`, ''),
    recipients,
  }
}

export function compare(was: readonly KnownStep[], plan: readonly PlannedAction[]): Comparison {
  const now = plan.map(knownStep)
  return {
    same: now.filter((step) => was.some((each) => isSame(each, step))),
    gone: was.filter((step) => !now.some((each) => isSame(step, each))),
    added: now.filter((step) => !was.some((each) => isSame(each, step))),
  }
}

/** One line: `rule: S3Action inbox/sales/ for you@example.test`. */
export function inWords({ rule, action, target, recipients }: KnownStep): string {
  const whom = recipients === undefined ? '' : ` for ${recipients.join(', ')}`
  return `${rule}: ${action}${target === '' ? '' : ` ${target}`}${whom}`
}

function isSame(was: KnownStep, now: KnownStep): boolean {
  if (was.rule !== now.rule || was.action !== now.action || was.target !== now.target) return false
  return was.recipients === undefined || was.recipients.join('\n') === now.recipients?.join('\n')
}
