/**
 * One row per kind of action: its key in a rule and the schema of its value. A new kind is one row
 * here and one member of `RuleAction`; the parser, the JSON schema and the messages follow. Pure.
 * SES: actions (reference §2)
 */
import { z } from 'zod'
import type { ActionKind, RuleAction } from './rule-set.ts'

type Spec<Kind extends ActionKind> = Extract<RuleAction, Record<Kind, unknown>>[Kind]

const topicArn = z
  .string()
  .min(1, 'must not be empty')
  .exactOptional()
  .describe('Topic for a notice that the action was done. No notice is sent yet.')

/** What we prepend ourselves: an added field of that name would pass for a verdict or a hop. */
const reservedHeaders =
  /^(return-path|received|received-spf|authentication-results|x-ses-.*-verdict|x-postern-.*)$/i

export const actionKinds = {
  S3Action: z
    .strictObject({
      BucketName: z
        .string()
        .regex(/^(?!.*\.\.)[A-Za-z0-9][A-Za-z0-9._-]{0,254}$/, {
          error: 'must be the name of a bucket: letters, digits, "-", "_" and single "."',
        })
        .describe('Bucket, as named under resources.buckets of postern.yaml.'),
      ObjectKeyPrefix: z
        .string()
        // S3 allows keys of 1024 octets; ours end in "/" and a message id of 40.
        .refine((prefix) => Buffer.byteLength(prefix) <= 983, 'must be at most 983 octets')
        .refine((prefix) => !/[\x00-\x1f\x7f]/.test(prefix), 'must not hold control characters')
        .exactOptional()
        .describe('What object keys begin with; a "/" is added where it is missing.'),
      KmsKeyArn: z
        .string()
        .min(1, 'must not be empty')
        .exactOptional()
        .describe('Key to seal to, as named under resources.keys; without it, encryption.default.'),
      TopicArn: topicArn,
      IamRoleArn: z
        .string()
        .regex(/^(?=.{20,2048}$)arn:[\w-]+:iam::[0-9]+:role\/.+$/, {
          error: 'must be the ARN of a role, arn:aws:iam::<account>:role/<name>',
        })
        .exactOptional()
        .describe('Accepted for the sake of SES, not used: credentials are in postern.yaml.'),
    })
    .describe('Stores the message, sealed.'),
  AddHeaderAction: z
    .strictObject({
      HeaderName: z
        .string()
        .regex(/^[A-Za-z0-9-]{1,50}$/, {
          error: 'must be 1 to 50 letters, digits and hyphens',
        })
        .refine((name) => !reservedHeaders.test(name), {
          error:
            'is reserved: Postern writes that header field itself, a second one would forge it',
        }),
      HeaderValue: z
        .string()
        .max(2048, 'must be at most 2048 characters')
        .refine((value) => !/[\r\n]/.test(value), 'must not hold line breaks')
        // RFC 5322 §2.2: a field body is printable characters, space and tab.
        .refine((value) => !/[\x00-\x08\x0b\x0c\x0e-\x1f\x7f]/.test(value), {
          error: 'must not hold control characters',
        }),
    })
    .describe('Adds a header field to what the later actions store.'),
  StopAction: z
    .strictObject({ Scope: z.literal('RuleSet'), TopicArn: topicArn })
    .describe('Ends evaluation for the recipients of this rule. Must be the last action.'),
} as const satisfies { readonly [Kind in ActionKind]: z.ZodType<Spec<Kind>> }

const later = 'is not supported yet'
const needsAws = 'is not supported yet: it needs AWS'

/** What a rule set may hold one day, and what is said of it today. */
export const laterActions: ReadonlyMap<string, string> = new Map([
  ['SNSAction', later],
  ['LambdaAction', later],
  ['BounceAction', later],
  ['WorkmailAction', needsAws],
  ['ConnectAction', needsAws],
  ['WebhookAction', later],
  ['DropAction', later],
  ['QuarantineAction', later],
])

/** The same for the other keys of rules and actions. */
export const laterKeys: ReadonlyMap<string, string> = new Map([
  ['Conditions', later],
  ['Unless', later],
  ['OnFailure', later],
])

/** The schema of one action by its key; undefined for a key that names none. */
export function actionSchemaOf(kind: string): z.ZodType | undefined {
  return Object.hasOwn(actionKinds, kind) ? actionKinds[kind as ActionKind] : undefined
}
