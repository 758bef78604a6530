/**
 * The option table: every option of postern.yaml once, with type, default, range and meaning. The
 * parser, the type Config, docs/config.md and docs/config.schema.json are all made from it; rows of
 * one subject stand in options-*.ts. A limit's meaning names the attack or the accident it bounds.
 * Pure: reads nothing.
 */
import { z } from 'zod'
import * as node from './options-node.ts'
import { smtp } from './options-smtp.ts'
import * as parts from './parts.ts'
import * as targets from './targets.ts'
import * as value from './values.ts'

const rules = z.strictObject({
  dir: value.path.default('./rules').describe('Directory of the rule sets.'),
  active: value.filled.default('default').describe('Name of the rule set in force.'),
  shadow: value.filled.exactOptional().meta({
    'x-default': 'none',
    description:
      'Name of a rule set that is evaluated beside the active one; where they differ is logged, nothing of it is carried out.',
  }),
})

const encryption = z.strictObject({
  default: z
    .union([
      value.text(
        'key',
        (text) => /^(none|key\/[a-z0-9-]{1,64})$/.test(text),
        'key/NAME, a list of such, or none to store plaintext',
      ),
      z.array(value.keyReference).min(1).max(64),
    ])
    .default('key/main')
    .describe(
      'Key of S3 actions that name none. Of a list of `nacl` keys each opens the object: a team, an escrow. `none` stores plaintext and has to be written out.',
    ),
})

const resources = z.strictObject({
  buckets: z
    .record(value.bucketName, parts.bucket)
    .default({})
    .describe('Bucket names of rules, and what they are here.'),
  keys: z
    .record(value.arn, z.union([value.keyName, z.array(value.keyName).min(1).max(64)]))
    .default({})
    .describe(
      'KMS key ARNs of rules, and the name in `keys` of the key they mean here, or a list of `nacl` keys.',
    ),
  topics: z
    .record(value.arn, targets.topic)
    .default({})
    .describe('SNS topic ARNs of rules, and what they are here; others are real topics at AWS.'),
  functions: z
    .record(value.arn, targets.functionTarget)
    .default({})
    .describe('Lambda function ARNs of rules, and what they are here; others are at AWS.'),
  webhooks: z
    .record(value.keyName, targets.webhook)
    .default({})
    .describe('Names in WebhookActions, and where they are.'),
})

/** postern.yaml as it is written, before names, paths and the store are filled in. */
export const options = z.strictObject({
  hostname: value.domainName.exactOptional().meta({
    'x-default': "the machine's name",
    description:
      'Name of this server in its greeting and in Received fields; what the MX record names.',
  }),
  node: value.nodeName.exactOptional().meta({
    'x-default': 'hostname',
    description:
      'Name of this node, one per spool. Its delivery queue in Redis is named after it, and after an id that dataDir keeps.',
  }),
  domains: z
    .array(value.domainName)
    .default(['example.test'])
    .describe(
      'What a rule without recipients takes, with sub-domains. A pattern in a rule needs no entry here.',
    ),
  dataDir: value.path
    .default('./data')
    .describe('Where spool/, dead/, keys/, store/ and redis/ are.'),
  user: value.account.exactOptional().meta({
    'x-default': 'who starts it',
    description:
      'User that every process runs as when `serve` is started as root; ports below 1024 are the one right it keeps. It has to own dataDir.',
  }),
  group: value.account.exactOptional().meta({
    'x-default': "the user's own",
    description: 'Group to run as with `user`.',
  }),
  stopSeconds: value.integer(
    60,
    5,
    3600,
    'How long a stop may take: sessions under way get their answer (60 % of it), deliveries end or go back to the spool, then the rest is cut off with 421. What starts Postern has to wait a little longer before it kills. Bounds how long one slow client can hold up a stop.',
  ),
  smtp: smtp.prefault({}).describe('Taking mail.'),
  http: node.http.prefault({}).describe('Being watched.'),
  redis: parts.redis
    .default('embedded')
    .describe(
      'Where the delivery queue is. `embedded` runs a redis-server in dataDir. Losing Redis loses no mail; its maxmemory-policy must be noeviction.',
    ),
  dns: node.dns.prefault({}).describe('Asking name servers.'),
  authentication: node.authentication
    .prefault({})
    .describe('The SPF, DKIM and DMARC verdicts. They are always made.'),
  blocklists: node.blocklists.prefault({}).describe('Refusing by address.'),
  virus: node.virus.prefault({}).describe('The virus verdict.'),
  spam: node.spam.prefault({}).describe('The spam verdict.'),
  spool: node.spool.prefault({}).describe('Mail that is accepted and not stored yet.'),
  delivery: node.delivery.prefault({}).describe('From the spool to the store.'),
  notifications: node.notifications.prefault({}).describe('What topics and webhooks are told.'),
  quarantine: node.quarantine.prefault({}).describe('Where QuarantineActions hold mail.'),
  bounces: node.bounces
    .prefault({})
    .describe('Bounce messages, sent where a BounceAction could not be answered in the session.'),
  rules: rules.prefault({}).describe('Which rules decide.'),
  encryption: encryption.prefault({}).describe('Which key seals what.'),
  keys: z
    .record(value.keyName, parts.key)
    .default({})
    .describe(
      'Keys that mail is sealed to, by name. A `main` that is not here is the pair made on first start, `dataDir/keys/main.pub`.',
    ),
  store: parts.store.exactOptional().meta({
    'x-default': 'a directory, dataDir/store',
    description: 'Where the buckets are that `resources.buckets` does not map.',
  }),
  resources: resources.prefault({}).describe('What the names in rules stand for here.'),
  log: node.log.prefault({}).describe('What is written to standard error.'),
})

type Written = z.infer<typeof options>

type Filled<Place> = Place extends { type: 'dir' } ? { type: 'dir'; path: string } : Place
type Frozen<T> = T extends object ? { readonly [Name in keyof T]: Frozen<T[Name]> } : T

/** Where buckets that nothing maps are: a directory above them, or an S3 endpoint. */
export type StoreConfig = Frozen<Filled<NonNullable<Written['store']>>>
/** One bucket: its own directory, or a bucket of an S3 endpoint. */
export type BucketConfig = Frozen<Filled<Written['resources']['buckets'][string]>>
export type KeyConfig = Frozen<Written['keys'][string]>

/** The effective configuration: every default filled in, every path absolute, cross-checked. */
export type Config = Frozen<Omit<Written, 'hostname' | 'node' | 'store' | 'resources'>> & {
  readonly hostname: string
  readonly node: string
  readonly store: StoreConfig
  readonly resources: Frozen<Omit<Written['resources'], 'buckets'>> & {
    readonly buckets: Readonly<Record<string, BucketConfig>>
  }
}
