/** Which code carries out which kind of step. A row per kind; pure wiring. */
import { PermanentError } from '../errors.ts'
import { type ActionKind, kindOf } from '../rules/rule-set.ts'
import type { Action } from './action.ts'
import { type BounceCollaborators, bounceAction } from './bounce.ts'
import { type FunctionCollaborators, lambdaAction } from './call-function.ts'
import { type PublishCollaborators, snsAction, topicNotice, webhookAction } from './publish.ts'
import { type QuarantinePlace, quarantineAction } from './quarantine.ts'
import { messageWriter, type StoreCollaborators, storeAction } from './store.ts'

export type ActionCollaborators = StoreCollaborators &
  PublishCollaborators &
  FunctionCollaborators &
  BounceCollaborators & { readonly quarantine: QuarantinePlace }

export function actionRegistry(collaborators: ActionCollaborators): Action {
  const notice = topicNotice(collaborators)
  // Evaluation obeys StopAction and DropAction, nextStep AddHeaderAction; the last two need AWS.
  const kinds: Readonly<Partial<Record<ActionKind, Action>>> = {
    S3Action: storeAction(collaborators),
    SNSAction: snsAction(collaborators),
    LambdaAction: lambdaAction(collaborators),
    BounceAction: bounceAction(collaborators),
    WebhookAction: webhookAction(collaborators),
    QuarantineAction: quarantineAction(messageWriter(collaborators), collaborators.quarantine),
  }
  return async (delivery) => {
    const { action, notice: isNotice } = delivery.planned
    const kind = kindOf(action)
    const carryOut = isNotice ? notice : kinds[kind]
    if (carryOut === undefined) throw new PermanentError(`no action of the kind ${kind} is known`)
    return carryOut(delivery)
  }
}
