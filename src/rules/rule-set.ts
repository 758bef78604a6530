/** A receipt rule set in SES's shape, after validation: every default filled in. Pure types. */

export type S3Action = {
  readonly BucketName: string
  readonly ObjectKeyPrefix?: string
  readonly KmsKeyArn?: string
  readonly TopicArn?: string
  readonly IamRoleArn?: string
}
export type AddHeaderAction = { readonly HeaderName: string; readonly HeaderValue: string }
export type StopAction = { readonly Scope: 'RuleSet'; readonly TopicArn?: string }

/** Exactly one key, as in SES's JSON. */
export type RuleAction =
  | { readonly S3Action: S3Action }
  | { readonly AddHeaderAction: AddHeaderAction }
  | { readonly StopAction: StopAction }

/** The key of an action: `S3Action` and so on. */
export type ActionKind = RuleAction extends infer Each
  ? Each extends unknown
    ? keyof Each
    : never
  : never

export type Rule = {
  readonly Name: string
  readonly Enabled: boolean
  readonly TlsPolicy: 'Optional' | 'Require'
  readonly Recipients: readonly string[]
  readonly Actions: readonly RuleAction[]
  readonly ScanEnabled: boolean
}

export type RuleSet = {
  readonly Metadata: { readonly Name: string; readonly CreatedTimestamp?: string }
  readonly Rules: readonly Rule[]
}

/** One action that evaluation decided on, with the envelope recipients of its rule. */
export type PlannedAction = {
  readonly rule: string
  readonly action: RuleAction
  readonly recipients: readonly string[]
  /** The rule's ScanEnabled: false means spam and virus read DISABLED for it (SES). */
  readonly scan: boolean
}
