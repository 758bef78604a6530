/**
 * Which step of a plan comes next. Within a rule the steps go in order, and one that fails holds up those
 * behind it; a notice holds up nothing, since nothing depends on it. Rules do not wait for each other,
 * but for a function whose answer may stop them for the recipients they share. Pure.
 */
import type { AddedField } from '../mail/prepend.ts'
import { kindOf, type PlannedAction } from '../rules/rule-set.ts'
import { type End, isHeld, type Progress } from '../spool/progress.ts'

export type Next =
  /** `recipients`: those that no function has stopped meanwhile. */
  | { readonly next: 'step'; readonly index: number; readonly recipients: readonly string[] }
  | { readonly next: 'wait'; readonly until: number }
  /** Nothing is left to do. */
  | { readonly next: 'done' }
  /** Nothing is left to do but what has been given up. */
  | { readonly next: 'dead' }

export function nextStep(plan: readonly PlannedAction[], progress: Progress, now: number): Next {
  const { failures } = progress
  const finished = new Set(progress.done)
  const over = nothingOver()
  const heldRules = new Set<string>()
  const heldRecipients = new Set<string>()
  let until = Number.POSITIVE_INFINITY
  let left = false
  let recipients: readonly string[] = []
  for (const [index, step] of plan.entries()) {
    const failure = failures[index]
    const reports = reportsStepBefore(plan, index)
    if (reports && failures[index - 1]?.passed !== undefined) continue
    // What follows an end is not done; the notice of the very step that ended is, for whom that was done.
    if (!reports) recipients = stillFor(over, step)
    if (recipients.length === 0) {
      // What was given up before an earlier rule dropped its recipients has promised a dead letter.
      if (failure !== undefined && isHeld(failure)) left = true
      continue
    }
    if (finished.has(index) || failure?.passed !== undefined) {
      end(over, endOf(progress, index, step), step)
      continue
    }
    // Nothing to do when its turn comes: the steps behind it see its field (addedBefore).
    if ('AddHeaderAction' in step.action) continue
    const held = heldRules.has(step.rule) || recipients.some((each) => heldRecipients.has(each))
    const due = failure === undefined ? now : (failure.next ?? Number.POSITIVE_INFINITY)
    if (!held && due <= now) return { next: 'step', index, recipients }
    left = true
    if (!held) until = Math.min(until, due)
    if (!step.notice) heldRules.add(step.rule)
    if (mayStop(step)) for (const each of recipients) heldRecipients.add(each)
  }
  if (until < Number.POSITIVE_INFINITY) return { next: 'wait', until }
  return { next: left ? 'dead' : 'done' }
}

/** Whether it is the notice that says that the step before it was done; that may stand elsewhere (bounce.ts). */
function reportsStepBefore(plan: readonly PlannedAction[], index: number): boolean {
  const [step, before] = [plan[index], plan[index - 1]]
  if (step?.notice !== true || before === undefined || before.notice) return false
  return before.rule === step.rule && kindOf(before.action) === kindOf(step.action)
}

/** Rules that were ended, and recipients for whom nothing more is done. */
type Over = { readonly rules: Set<string>; readonly recipients: Set<string> }

const nothingOver = (): Over => ({ rules: new Set(), recipients: new Set() })

function stillFor(over: Over, { rule, recipients }: PlannedAction): readonly string[] {
  return over.rules.has(rule) ? [] : recipients.filter((each) => !over.recipients.has(each))
}

function end(over: Over, word: End | undefined, { rule, recipients }: PlannedAction): void {
  if (word === undefined) return
  over.rules.add(rule)
  if (word === 'STOP_RULE_SET') for (const each of recipients) over.recipients.add(each)
}

/** What a step that is done or passed by says about those behind it. */
function endOf({ failures, ends }: Progress, index: number, step: PlannedAction): End | undefined {
  return failures[index]?.passed === 'DROP' && !step.notice ? 'STOP_RULE_SET' : ends[index]
}

/** SES: what a function answers may end the rule, or the rule set. */
function mayStop({ action, notice }: PlannedAction): boolean {
  return (
    notice !== true &&
    'LambdaAction' in action &&
    action.LambdaAction.InvocationType === 'RequestResponse'
  )
}

/**
 * SES: a header added by an action is seen by the actions after it, in this rule and later ones. Not by
 * them where a step before it has ended its rule, or a function may still do so.
 */
export function addedBefore(
  plan: readonly PlannedAction[],
  progress: Progress,
  index: number,
): AddedField[] {
  const over = nothingOver()
  return plan.slice(0, index).flatMap((step, place) => {
    if (stillFor(over, step).length === 0) return []
    if ('AddHeaderAction' in step.action) {
      const { HeaderName, HeaderValue } = step.action.AddHeaderAction
      return [{ name: HeaderName, value: HeaderValue }]
    }
    end(over, endOf(progress, place, step), step)
    const settled = progress.done.includes(place) || progress.failures[place]?.passed !== undefined
    if (mayStop(step) && !settled) over.rules.add(step.rule)
    return []
  })
}
