/** A step of a plan in words, the same in every log line, in `queue dead` and in metrics. Pure. */
import { kindOf, noticeTopic, type PlannedAction } from './rule-set.ts'

export type StepWords = {
  readonly rule: string
  /** `S3Action`; `S3Action notice` for the notice to its TopicArn. */
  readonly action: string
  /** What it goes to, as the rule names it. */
  readonly target: string
}

export function describeStep({ rule, action, notice }: PlannedAction): StepWords {
  const kind = kindOf(action)
  return notice
    ? { rule, action: `${kind} notice`, target: noticeTopic(action) ?? '' }
    : { rule, action: kind, target: targetOf(action) }
}

function targetOf(action: PlannedAction['action']): string {
  if ('S3Action' in action) {
    const { BucketName, ObjectKeyPrefix } = action.S3Action
    return ObjectKeyPrefix === undefined ? BucketName : `${BucketName}/${ObjectKeyPrefix}`
  }
  if ('SNSAction' in action) return action.SNSAction.TopicArn
  if ('LambdaAction' in action) return action.LambdaAction.FunctionArn
  if ('WebhookAction' in action) return action.WebhookAction.Endpoint
  if ('BounceAction' in action) return 'the reverse-path'
  if ('QuarantineAction' in action) return 'quarantine'
  return ''
}
