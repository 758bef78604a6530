/**
 * One row per kind of action: its key in a rule and the schema of its value. A new kind is one row
 * here and one member of `RuleAction`; the parser, the JSON schema and the messages follow. Pure.
 * SES: actions (reference §2)
 */
import { z } from 'zod'
import type { ActionKind, ActionSpecs } from './rule-set.ts'

const arn = z
  .string()
  .regex(/^arn:[\w-]+:\S+$/, { error: 'must be an ARN, arn:aws:…' })
  .max(2048, 'must be at most 2048 characters')

const topicArn = arn
  .exactOptional()
  .describe('Topic that is told when the action is done, as named under resources.topics.')

/** One line of visible text: it becomes part of an SMTP reply or of a header field. */
const line = (most: number) =>
  z
    .string()
    .min(1, 'must not be empty')
    .max(most, `must be at most ${most} characters`)
    .refine((text) => !/[\x00-\x1f\x7f]/.test(text), 'must not hold control characters')

const mailbox = z
  .string()
  .max(254, 'must be at most 254 characters')
  .regex(/^[^\s<>@]+@[^\s<>@]+$/, { error: 'must be an address, user@example.com' })

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
  SNSAction: z
    .strictObject({
      TopicArn: arn.describe('Topic, as named under resources.topics; else the SNS topic at AWS.'),
      Encoding: z
        .enum(['UTF-8', 'Base64'])
        .default('UTF-8')
        .describe('How the message stands in the notification; UTF-8 may damage other charsets.'),
    })
    .describe('Sends a notification with the whole message, up to notifications.maxContentBytes.'),
  LambdaAction: z
    .strictObject({
      FunctionArn: arn.describe(
        'Function, as named under resources.functions; else the one at AWS.',
      ),
      InvocationType: z
        .enum(['Event', 'RequestResponse'])
        .default('Event')
        .describe(
          'RequestResponse waits for {"disposition": CONTINUE, STOP_RULE or STOP_RULE_SET}.',
        ),
      TopicArn: topicArn,
    })
    .describe('Calls a function with the header fields and verdicts, without the body.'),
  BounceAction: z
    .strictObject({
      SmtpReplyCode: z
        .string()
        .regex(/^[45][0-9]{2}$/, { error: 'must be a reply code, 400 to 599, in quotes' }),
      StatusCode: z
        .string()
        .regex(/^[45]\.[0-9]{1,3}\.[0-9]{1,3}$/, {
          error: 'must be an enhanced status code such as "5.1.1", in quotes',
        })
        .exactOptional(),
      // RFC 5321 §4.5.3.1.5: a reply line has at most 512 octets, codes and CR LF with them.
      Message: line(480)
        .refine((text) => !/[^ -~]/.test(text), 'must be ASCII: it is an SMTP reply')
        .describe('What the sender reads.'),
      Sender: mailbox.describe('From address of bounce messages.'),
      TopicArn: topicArn,
    })
    .refine(
      ({ SmtpReplyCode, StatusCode }) =>
        StatusCode === undefined || StatusCode[0] === SmtpReplyCode[0],
      'has a StatusCode of another class than its SmtpReplyCode',
    )
    .describe('Refuses the message in the session where it can, else sends a bounce message.'),
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
  WorkmailAction: z
    .strictObject({
      OrganizationArn: arn.regex(/^arn:[\w-]+:workmail:/, {
        error: 'must be the ARN of a WorkMail organization',
      }),
      TopicArn: topicArn,
    })
    .describe('Delivers to Amazon WorkMail: needs AWS, so that an enabled rule is refused.'),
  ConnectAction: z
    .strictObject({
      InstanceARN: arn.regex(/^arn:[\w-]+:connect:/, {
        error: 'must be the ARN of an Amazon Connect instance',
      }),
      IAMRoleARN: arn,
    })
    .describe('Starts a contact in Amazon Connect: needs AWS, so that an enabled rule is refused.'),
  WebhookAction: z
    .strictObject({
      Endpoint: z
        .string()
        .regex(/^[a-z0-9-]{1,64}$/, { error: 'must be a name of resources.webhooks: a-z, 0-9, -' })
        .describe('Name under resources.webhooks.'),
      Content: z
        .enum(['None', 'UTF-8', 'Base64'])
        .default('None')
        .describe('Whether the message itself goes with it, up to notifications.maxContentBytes.'),
    })
    .describe('Postern: posts the notification, signed, to an application.'),
  DropAction: z
    .strictObject({})
    .describe('Postern: keeps nothing for the recipients of this rule. Must be the last action.'),
  QuarantineAction: z
    .strictObject({
      Reason: line(200)
        .refine((text) => !/[^ -~]/.test(text), 'must be ASCII: it becomes metadata of an object')
        .exactOptional()
        .describe('Shown by postern quarantine list.'),
      TopicArn: topicArn,
    })
    .describe(
      'Postern: holds the message, sealed, apart from the others, until it is released or deleted. Must be the last action.',
    ),
} as const satisfies { readonly [Kind in ActionKind]: z.ZodType<ActionSpecs[Kind]> }

const retryRange = 'must be a whole number of minutes from 0 to 43200, which is 30 days'

/** What may stand beside an action's key; ours. */
export const failurePolicy = {
  OnFailure: z
    .enum(['HOLD', 'CONTINUE', 'DROP'])
    .exactOptional()
    .describe(
      'Postern: when the action has failed for good, HOLD (default) keeps the message with the dead letters, CONTINUE goes on with the next action, DROP does nothing more.',
    ),
  RetryTimeMinutes: z
    .int(retryRange)
    .min(0, retryRange)
    .max(43_200, retryRange)
    .exactOptional()
    .describe('Postern: how long it is tried again; without it delivery.retrySeconds.'),
}

/** SES has them and they can only be carried out at AWS. */
export const needsAws: ReadonlySet<string> = new Set<ActionKind>([
  'WorkmailAction',
  'ConnectAction',
])
