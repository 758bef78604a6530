/**
 * LambdaAction: SES's event to a function. One that is waited for (RequestResponse) may end the rule or the
 * rule set by its answer; one that fails is tried again and holds up what is behind it: a failure is
 * never taken for an answer. SES: reference §1.6, §2
 */
import { PermanentError } from '../errors.ts'
import type { FunctionTarget } from '../notify/function.ts'
import { functionEventOf } from '../notify/notification.ts'
import type { Action } from './action.ts'
import { type NoticeCollaborators, noticeInput, reportedOf } from './notice.ts'

export type FunctionCollaborators = NoticeCollaborators & {
  /** The function that an ARN of a rule stands for. */
  readonly functionTarget: (arn: string) => FunctionTarget
}

export function lambdaAction(collaborators: FunctionCollaborators): Action {
  return async (delivery) => {
    const { action } = delivery.planned
    if (!('LambdaAction' in action)) throw new PermanentError('this is not a LambdaAction')
    const { FunctionArn, InvocationType } = action.LambdaAction
    const input = await noticeInput(delivery, collaborators, reportedOf(delivery))
    const event = JSON.stringify(functionEventOf(input))
    const target = collaborators.functionTarget(FunctionArn)
    return target.invoke(event, { id: delivery.noticeId, type: InvocationType })
  }
}
