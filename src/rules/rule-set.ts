/**
 * A receipt rule set in SES's shape, after validation: every default filled in; and the plan that
 * evaluation makes of it, which is kept with the message. Pure types.
 */
import type { Condition } from './condition.ts'

export type S3Action = {
  readonly BucketName: string
  readonly ObjectKeyPrefix?: string
  readonly KmsKeyArn?: string
  readonly TopicArn?: string
  readonly IamRoleArn?: string
}
export type SNSAction = { readonly TopicArn: string; readonly Encoding: 'UTF-8' | 'Base64' }
export type LambdaAction = {
  readonly FunctionArn: string
  readonly InvocationType: 'Event' | 'RequestResponse'
  readonly TopicArn?: string
}
export type BounceAction = {
  readonly SmtpReplyCode: string
  readonly StatusCode?: string
  readonly Message: string
  /** '': this server's own postmaster, for what no rule wrote. */
  readonly Sender: string
  readonly TopicArn?: string
}
export type AddHeaderAction = { readonly HeaderName: string; readonly HeaderValue: string }
export type StopAction = { readonly Scope: 'RuleSet'; readonly TopicArn?: string }
export type WorkmailAction = { readonly OrganizationArn: string; readonly TopicArn?: string }
export type ConnectAction = { readonly InstanceARN: string; readonly IAMRoleARN: string }
/** Ours, as the next two. */
export type WebhookAction = {
  readonly Endpoint: string
  readonly Content: 'None' | 'UTF-8' | 'Base64'
}
export type QuarantineAction = { readonly Reason?: string; readonly TopicArn?: string }
export type DropAction = Readonly<Record<string, never>>

export type ActionSpecs = {
  readonly S3Action: S3Action
  readonly SNSAction: SNSAction
  readonly LambdaAction: LambdaAction
  readonly BounceAction: BounceAction
  readonly AddHeaderAction: AddHeaderAction
  readonly StopAction: StopAction
  readonly WorkmailAction: WorkmailAction
  readonly ConnectAction: ConnectAction
  readonly WebhookAction: WebhookAction
  readonly DropAction: DropAction
  readonly QuarantineAction: QuarantineAction
}

/** The key of an action: `S3Action` and so on. */
export type ActionKind = keyof ActionSpecs

/** What becomes of the message when an action has failed for good. */
export type OnFailure =
  | 'HOLD' //     the default: with the dead letters, where a person decides
  | 'CONTINUE' // the next action is carried out
  | 'DROP' //     nothing more is done for these recipients

/** Ours: stands beside the action's key. */
export type FailurePolicy = {
  readonly OnFailure?: OnFailure
  /** How long it is tried again; without it delivery.retrySeconds. 0: once. Mail Manager: RetryTimeMinutes */
  readonly RetryTimeMinutes?: number
}

/** Exactly one kind, as in SES's JSON. */
export type RuleAction = {
  [Kind in ActionKind]: { readonly [Key in Kind]: ActionSpecs[Kind] } & FailurePolicy
}[ActionKind]

/** The kind of an action. */
export function kindOf(action: RuleAction): ActionKind {
  return Object.keys(action).find((key) => key.endsWith('Action')) as ActionKind
}

/** The topic that is told when an action is done; that of an SNSAction is its target instead. */
export function noticeTopic(action: RuleAction): string | undefined {
  if ('SNSAction' in action) return undefined
  const spec: object = Reflect.get(action, kindOf(action))
  return 'TopicArn' in spec ? String(spec.TopicArn) : undefined
}

/** Ours: what a rule does when its conditions can't be decided, since an engine failed. */
export type OnUndecided =
  | 'SKIP' //  the default: the rule does not match; who is left without a rule gets 451
  | 'MATCH' // as if the conditions held
  | 'DEFER' // the whole message is answered 451

export type Rule = {
  readonly Name: string
  readonly Enabled: boolean
  readonly TlsPolicy: 'Optional' | 'Require'
  readonly Recipients: readonly string[]
  readonly Actions: readonly RuleAction[]
  readonly ScanEnabled: boolean
  /** Ours, as the next two: all must hold. */
  readonly Conditions?: readonly Condition[]
  /** None may hold. */
  readonly Unless?: readonly Condition[]
  readonly OnUndecided?: OnUndecided
}

export type RuleSet = {
  readonly Metadata: { readonly Name: string; readonly CreatedTimestamp?: string }
  readonly Rules: readonly Rule[]
}

/** One step that evaluation decided on, with the envelope recipients of its rule. */
export type PlannedAction = {
  readonly rule: string
  readonly action: RuleAction
  readonly recipients: readonly string[]
  /** The rule's ScanEnabled: false means spam and virus read DISABLED for it (SES). */
  readonly scan: boolean
  /** Not the action itself but the notice to its TopicArn, which follows it. */
  readonly notice?: true
}
