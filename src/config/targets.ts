/**
 * Where topics, functions and webhooks of rules lead. See options.ts. Pure: reads nothing.
 */
import { z } from 'zod'
import * as value from './values.ts'

/** The scheme, no user, no password; a query may be a part of who is meant. */
const url = value
  .text(
    'URL',
    (text) => {
      const parsed = URL.parse(text)
      if (parsed === null || !/^https?:\/\/\S+$/i.test(text)) return false
      return parsed.username === '' && parsed.password === '' && parsed.hash === ''
    },
    'http://… or https://…, without a user and a password in it',
  )
  .describe('Where requests are posted to.')

/** Standard Webhooks: 24 to 64 octets, Base64, behind `whsec_`. */
const allowedSecret = 'whsec_ and 24 to 64 octets in Base64: echo whsec_$(openssl rand -base64 32)'
const secretText = value.text(
  'secret',
  (text) => {
    if (!/^whsec_[A-Za-z0-9+/]{32,88}={0,2}$/.test(text)) return false
    const { length } = Buffer.from(text.slice('whsec_'.length), 'base64')
    return length >= 24 && length <= 64
  },
  allowedSecret,
)

const error = 'must be one secret, or a list of 1 to 3'
const secret = z
  .union([secretText, z.array(secretText).min(1, { error }).max(3, { error })], {
    error: `must be ${allowedSecret}`,
  })
  .describe(
    'Standard Webhooks secret. Of a list each signs, so that a new one can be brought in before the old one goes.',
  )

const allowPrivate = z
  .boolean()
  .default(false)
  .describe(
    'Whether the host name may lead to private and loopback addresses. A literal address or localhost in the URL is allowed by being written.',
  )

const timeoutMs = (preset: number) =>
  value.integer(
    preset,
    100,
    300_000,
    'Longest time for one request and its answer. Bounds how long a target can hold a worker.',
  )

export const webhook = z.strictObject({
  url,
  secret,
  timeoutMs: timeoutMs(15_000),
  allowPrivate,
})

const aws = {
  region: value.filled.exactOptional().meta({
    'x-default': 'of the ARN',
    description: 'Region that requests are signed for.',
  }),
  endpoint: value.httpUrl
    .exactOptional()
    .describe("Endpoint of a service that speaks AWS's protocol; without it AWS."),
  accessKeyId: value.filled
    .exactOptional()
    .describe("Access key; without it the AWS SDK's own chain."),
  secretAccessKey: value.filled.exactOptional().describe('The secret to accessKeyId.'),
}

export const topic = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('sns'),
    arn: value.arn
      .exactOptional()
      .meta({ 'x-default': "the rule's", description: 'The topic that is meant.' }),
    ...aws,
  }),
  z.strictObject({
    type: z.literal('sqs'),
    queueUrl: value.httpUrl.describe('The queue that gets the notifications.'),
    ...aws,
  }),
  z.strictObject({ type: z.literal('webhook'), ...webhook.shape }),
  z.strictObject({
    type: z.literal('redis'),
    stream: value.filled.describe('Key of the stream.'),
    maxLength: value.integer(
      100_000,
      1,
      100_000_000,
      'About how many entries the stream keeps. Bounds the memory of Redis when nobody reads it.',
    ),
  }),
])

export const functionTarget = z.discriminatedUnion('type', [
  z.strictObject({
    type: z.literal('lambda'),
    arn: value.arn
      .exactOptional()
      .meta({ 'x-default': "the rule's", description: 'The function that is meant.' }),
    timeoutMs: timeoutMs(30_000),
    ...aws,
  }),
  z.strictObject({
    type: z.literal('http'),
    url,
    secret: secret.exactOptional(),
    timeoutMs: timeoutMs(30_000),
    allowPrivate,
  }),
])

type Frozen<T> = T extends object ? { readonly [Name in keyof T]: Frozen<T[Name]> } : T

export type WebhookConfig = Frozen<z.infer<typeof webhook>>
export type TopicConfig = Frozen<z.infer<typeof topic>>
export type FunctionConfig = Frozen<z.infer<typeof functionTarget>>
