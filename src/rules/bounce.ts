/**
 * Whether a bounce can be said in the session, which is better than any bounce message: the sender's own
 * server tells its user, nobody else can be hit by it, and no address has to be believed. Pure.
 */
import type { BounceAction, PlannedAction, S3Action } from './rule-set.ts'

export type SessionBounce = {
  readonly reply: BounceAction
  /** What is still to be done: all but the bounces. */
  readonly rest: readonly PlannedAction[]
}

/**
 * The reply to the end of data when every recipient is bounced by it; `undefined` when a bounce message
 * has to be sent to the one or the other, or none at all.
 */
export function sessionBounce(
  plan: readonly PlannedAction[],
  recipients: readonly string[],
): SessionBounce | undefined {
  const bounced = new Set<string>()
  let reply: BounceAction | undefined
  for (const { action, recipients: whom, notice } of plan) {
    // Its answer, which comes later, may stop the bounce behind it.
    if ('LambdaAction' in action && action.LambdaAction.InvocationType === 'RequestResponse')
      return undefined
    if (notice || !('BounceAction' in action)) continue
    reply ??= action.BounceAction
    // One reply is for all of them: two different ones can't be said.
    if (!isSame(reply, action.BounceAction)) return undefined
    for (const each of whom) bounced.add(each)
  }
  if (reply === undefined || !recipients.every((each) => bounced.has(each))) return undefined
  const others = plan.filter(({ action, notice }) => notice || !('BounceAction' in action))
  // A header field with nothing behind it to be added to is nothing to do.
  const rest = others.every(({ action }) => 'AddHeaderAction' in action) ? [] : others
  // After a 4xx the sender comes again, and again all else would be done.
  if (reply.SmtpReplyCode.startsWith('4') && rest.length > 0) return undefined
  return { reply, rest }
}

function isSame(one: BounceAction, other: BounceAction): boolean {
  return (
    one.SmtpReplyCode === other.SmtpReplyCode &&
    one.StatusCode === other.StatusCode &&
    one.Message === other.Message
  )
}

/** SES: what an SNS action can't carry bounces, with these very words (reference §7). */
const tooLarge: BounceAction = {
  SmtpReplyCode: '552',
  StatusCode: '5.2.3',
  Message: 'Message length exceeds limit set by recipient',
  Sender: '',
}

/**
 * The plan for a message of `size` octets: an SNSAction over `limit` becomes a bounce, unless the message
 * may go by reference there because an S3Action of its rule has stored it before.
 */
export function withinSizes(
  plan: readonly PlannedAction[],
  size: number,
  { limit, byReference }: { readonly limit: number; readonly byReference: boolean },
): readonly PlannedAction[] {
  if (size <= limit) return plan
  return plan.map((step, index) => {
    if (!('SNSAction' in step.action)) return step
    if (byReference && storedBefore(plan, index)) return step
    const { OnFailure, RetryTimeMinutes } = step.action
    const policy = {
      ...(OnFailure === undefined ? {} : { OnFailure }),
      ...(RetryTimeMinutes === undefined ? {} : { RetryTimeMinutes }),
    }
    return { ...step, action: { BounceAction: tooLarge, ...policy } }
  })
}

/**
 * The S3Action of the same rule before a step of the plan, if there is one: where the message is. `failed`:
 * steps that are not done, by their place.
 */
export function storedBefore(
  plan: readonly PlannedAction[],
  index: number,
  failed: Readonly<Record<number, unknown>> = {},
): S3Action | undefined {
  const { rule } = plan[index] ?? {}
  const found = plan.slice(0, index).findLast((each, place) => {
    return each.rule === rule && 'S3Action' in each.action && !each.notice && !(place in failed)
  })
  return found !== undefined && 'S3Action' in found.action ? found.action.S3Action : undefined
}
