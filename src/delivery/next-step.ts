/**
 * Which step of a plan comes next. Within a rule the steps go in order, and one that fails holds up those
 * behind it; a notice holds up nothing, since nothing depends on it. Rules do not wait for each other,
 * but for a function whose answer may stop them for the recipients they share. Pure.
 */
import type { AddedField } from '../mail/prepend.ts'
import type { PlannedAction } from '../rules/rule-set.ts'
import type { End, Progress } from '../spool/progress.ts'

export type Next =
  /** `recipients`: those that no function has stopped meanwhile. */
  | { readonly next: 'step'; readonly index: number; readonly recipients: readonly string[] }
  | { readonly next: 'wait'; readonly until: number }
  /** Nothing is left to do. */
  | { readonly next: 'done' }
  /** Nothing is left to do but what has been given up. */
  | { readonly next: 'dead' }

export function nextStep(
  plan: readonly PlannedAction[],
  { done, failures, ends }: Progress,
  now: number,
): Next {
  const finished = new Set(done)
  const ended = new Set<string>()
  const stopped = new Set<string>()
  const heldRules = new Set<string>()
  const heldRecipients = new Set<string>()
  let until = Number.POSITIVE_INFINITY
  let given = false
  for (const [index, step] of plan.entries()) {
    const failure = failures[index]
    if (finished.has(index) || failure?.passed !== undefined) {
      end(failure?.passed === 'DROP' ? 'STOP_RULE_SET' : ends[index], step)
      continue
    }
    // It says that the step before it was done.
    if (step.notice && failures[index - 1]?.passed !== undefined) continue
    // Nothing to do when its turn comes: the steps behind it see its field (addedBefore).
    if ('AddHeaderAction' in step.action) continue
    // What follows an end is not done; the notice of the very step that ended is.
    const last = step.notice ? ends[index - 1] : undefined
    const recipients =
      last === undefined ? step.recipients.filter((each) => !stopped.has(each)) : step.recipients
    if (last === undefined && (ended.has(step.rule) || recipients.length === 0)) continue
    const held = heldRules.has(step.rule) || recipients.some((each) => heldRecipients.has(each))
    if (!held && (failure === undefined || (failure.next ?? Number.POSITIVE_INFINITY) <= now))
      return { next: 'step', index, recipients }
    if (!held && failure !== undefined) {
      if (failure.next === undefined) given = true
      else until = Math.min(until, failure.next)
    }
    if (!step.notice) heldRules.add(step.rule)
    if (mayStop(step)) for (const each of recipients) heldRecipients.add(each)
  }
  if (until < Number.POSITIVE_INFINITY) return { next: 'wait', until }
  return { next: given ? 'dead' : 'done' }

  function end(word: End | undefined, { rule, recipients }: PlannedAction): void {
    if (word === undefined) return
    ended.add(rule)
    if (word === 'STOP_RULE_SET') for (const each of recipients) stopped.add(each)
  }
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
 * them where a function before it has ended its rule, or may still do so.
 */
export function addedBefore(
  plan: readonly PlannedAction[],
  { done, ends }: Progress,
  index: number,
): AddedField[] {
  const ended = new Set<string>()
  const stopped = new Set<string>()
  return plan.slice(0, index).flatMap((step, place) => {
    if (mayStop(step) && (!done.includes(place) || ends[place] !== undefined)) ended.add(step.rule)
    if (ends[place] === 'STOP_RULE_SET') for (const each of step.recipients) stopped.add(each)
    const passed = ended.has(step.rule) || step.recipients.every((each) => stopped.has(each))
    if (!('AddHeaderAction' in step.action) || passed) return []
    const { HeaderName, HeaderValue } = step.action.AddHeaderAction
    return [{ name: HeaderName, value: HeaderValue }]
  })
}
