/**
 * The option table: every option of postern.yaml once, with type, default, range and meaning. The
 * parser, the type Config, docs/config.md and docs/config.schema.json are all made from it. A limit's
 * meaning names the attack or the accident that it bounds. Pure: reads nothing.
 */
import { z } from 'zod'
import * as parts from './parts.ts'
import * as value from './values.ts'

const { integer } = value
const KiB = 1024
const MiB = 1024 * KiB
const GiB = 1024 * MiB

const smtp = z.strictObject({
  listen: z
    .array(value.listenAddress)
    .min(1, { error: 'must name at least one address' })
    .default(['127.0.0.1:2525'])
    .describe('Where to listen; the MX record needs port 25. Port 0 takes any free port.'),
  processes: integer(
    1,
    0,
    64,
    'Processes that take mail; 0 takes it in the process that supervises.',
  ),
  maxMessageBytes: integer(
    40 * MiB,
    KiB,
    GiB,
    'Largest message, told in EHLO as SIZE; larger is 552 5.3.4. Bounds the disk one transaction can fill. SES: 40 MB.',
  ),
  maxLineBytes: integer(
    1_000_000,
    998,
    16 * MiB,
    'Longest line of a message; longer is refused. Bounds the quadratic time that a message without line ends costs. RFC 5321 §4.5.3.1.6 wants 998.',
  ),
  maxHeaderLines: integer(
    1000,
    50,
    100_000,
    'Most lines of a header section. Bounds the memory and the time that a message of nothing but header fields costs.',
  ),
  maxHeaderBytes: integer(
    512 * KiB,
    4 * KiB,
    16 * MiB,
    'Largest header section, which is kept in memory. Bounds what one sender can make every session hold.',
  ),
  maxHops: integer(
    100,
    10,
    1000,
    'Most Received fields of a message. Ends mail loops (RFC 5321 §6.3, which wants at least 100).',
  ),
  maxRecipients: integer(
    1000,
    100,
    100_000,
    'Most recipients of one transaction. Bounds the rule look-ups and the envelope; RFC 5321 §4.5.3.1.8 wants at least 100.',
  ),
  memoryMessageBytes: integer(
    128 * KiB,
    0,
    4 * MiB,
    'Up to this size a message waits in memory for its commit, above it goes to disk as it arrives. Bounds the memory of a connection.',
  ),
  inactivitySeconds: integer(
    300,
    1,
    3600,
    'Silence after which a connection is closed. Bounds connections held open for nothing (slowloris); RFC 5321 §4.5.3.2.7 wants 300.',
  ),
  tls: z
    .strictObject({
      cert: value.path.describe('Certificate chain (PEM), reloaded when it changes.'),
      key: value.path.describe('Its private key (PEM).'),
    })
    .exactOptional()
    .meta({ 'x-default': 'a self-signed certificate', description: 'Certificate for STARTTLS.' }),
  refuse: z
    .array(value.notYet('no verdict can refuse mail yet, since this release makes no checks'))
    .default([])
    .describe('Verdicts that refuse mail in the session. None yet: only [] is accepted.'),
})

const delivery = z.strictObject({
  processes: integer(1, 1, 64, 'Processes that seal and store.'),
  concurrency: integer(
    16,
    1,
    256,
    'Messages in work at once in each process. Bounds memory and connections to the store.',
  ),
  attempts: integer(
    80,
    1,
    10_000,
    'Attempts before a message goes to the dead letters, where it stays until somebody decides.',
  ),
  firstRetryMs: integer(
    5000,
    10,
    3_600_000,
    'Wait before the second attempt; each later wait is twice as long.',
  ),
  maxRetryMs: integer(3_600_000, 10, 86_400_000, 'Longest wait between two attempts.'),
  sweepSeconds: integer(
    30,
    1,
    3600,
    'How often the spool is compared with the queue. Bounds how long a job that Redis lost stays unnoticed.',
  ),
})

const resources = z.strictObject({
  buckets: z
    .record(value.filled, parts.bucket)
    .default({})
    .describe('Bucket names of rules, and what they are here.'),
  keys: z
    .record(value.filled, value.keyName)
    .default({})
    .describe('KMS key ARNs of rules, and the key of `keys` they mean here.'),
  topics: z
    .record(value.filled, value.notYet('this release notifies no topics'))
    .default({})
    .describe('SNS topic ARNs. None yet: only {} is accepted.'),
  functions: z
    .record(value.filled, value.notYet('this release calls no functions'))
    .default({})
    .describe('Lambda function ARNs. None yet: only {} is accepted.'),
})

const off = (key: string, sentence: string) =>
  z
    .literal('off', { error: `not supported yet: ${sentence}; remove ${key} or write off` })
    .default('off')

/** postern.yaml, before names, paths and the store are filled in. */
export const options = z.strictObject({
  hostname: value.domainName.exactOptional().meta({
    'x-default': "the machine's host name",
    description:
      'Name of this server in the greeting and in Received fields: what the MX record names.',
  }),
  node: value
    .text('name', (text) => /^[A-Za-z0-9.-]{1,253}$/.test(text), 'a name of A-Z, a-z, 0-9, . and -')
    .exactOptional()
    .meta({
      'x-default': 'hostname',
      description:
        'Name of this node, one per spool; its delivery queue in Redis is named after it.',
    }),
  domains: z
    .array(value.domainName)
    .default(['example.test'])
    .describe(
      'What a rule without recipients takes, with sub-domains. A pattern written in a rule needs no entry.',
    ),
  dataDir: value.path
    .default('./data')
    .describe('Where spool/, dead/, keys/, store/ and redis/ are.'),
  smtp: smtp.prefault({}).describe('Taking mail.'),
  http: z
    .strictObject({
      listen: value.listenAddress
        .default('127.0.0.1:8025')
        .describe('Where /metrics, /healthz and /readyz are.'),
    })
    .prefault({})
    .describe('Being watched.'),
  redis: parts.redis
    .default('embedded')
    .describe(
      'The delivery queue: a redis-server of our own, a URL, Sentinel or Cluster. Losing it loses no mail.',
    ),
  dns: z
    .strictObject({
      servers: z.array(value.dnsServer).default([]).describe("Resolvers; [] takes the system's."),
      timeoutMs: integer(
        5000,
        100,
        60_000,
        'Longest wait for one answer. Bounds how long a name server can hold a session.',
      ),
    })
    .prefault({})
    .describe('Asking names.'),
  blocklists: z
    .strictObject({
      dnsbl: z
        .array(value.notYet('this release looks up no blocklists'))
        .default([])
        .describe('DNS blocklists. None yet: only [] is accepted.'),
    })
    .prefault({})
    .describe('Refusing by address.'),
  virus: z
    .strictObject({
      clamd: off('virus.clamd', 'this release scans for no viruses').describe(
        'Virus scanner. None yet: only off is accepted.',
      ),
    })
    .prefault({})
    .describe('The virus verdict.'),
  spam: z
    .strictObject({
      rspamd: off('spam.rspamd', 'this release asks no spam filter').describe(
        'Spam filter. None yet: only off is accepted.',
      ),
    })
    .prefault({})
    .describe('The spam verdict.'),
  spool: z
    .strictObject({
      minFreeBytes: integer(
        256 * MiB,
        MiB,
        1024 * 1024 * GiB,
        'Free space of the data directory below which mail is deferred with 452 4.3.1. Keeps a flood from filling the disk.',
      ),
      minFreeInodes: integer(
        1000,
        0,
        1_000_000_000,
        'The same for free inodes, against a flood of small messages; 0 where the file system counts none.',
      ),
    })
    .prefault({})
    .describe('Mail that is not stored yet.'),
  delivery: delivery.prefault({}).describe('From the spool to the store.'),
  rules: z
    .strictObject({
      dir: value.path.default('./rules').describe('Directory of the rule sets.'),
      active: value.filled.default('default').describe('Name of the rule set in force.'),
    })
    .prefault({})
    .describe('Which rules decide.'),
  encryption: z
    .strictObject({
      default: value
        .text(
          'key',
          (text) => /^(none|key\/[a-z0-9-]{1,64})$/.test(text),
          'key/NAME, or none to store plaintext',
        )
        .default('key/main')
        .describe(
          'Key of S3 actions that name none. `none` stores plaintext and has to be written out.',
        ),
    })
    .prefault({})
    .describe('What is sealed to whom.'),
  keys: z
    .record(value.keyName, parts.key)
    .default({})
    .describe(
      'Public keys by name. `main` that is not here is the pair made on first start, `dataDir/keys/main.pub`.',
    ),
  store: parts.store.exactOptional().meta({
    'x-default': 'a directory, dataDir/store',
    description: 'Where buckets are that `resources.buckets` does not map.',
  }),
  resources: resources
    .prefault({})
    .describe('What the names in rules stand for here; an ARN that nothing maps is of AWS.'),
  log: z
    .strictObject({
      level: value.choice(
        ['debug', 'info', 'warn', 'error'],
        'info',
        'Least level that is written.',
      ),
      format: value.choice(
        ['auto', 'json', 'pretty'],
        'auto',
        'json for machines, pretty for people; auto is pretty on a terminal.',
      ),
    })
    .prefault({})
    .describe('What is written to standard error.'),
})

type Written = z.infer<typeof options>

type Filled<Place> = Place extends { type: 'dir' } ? { type: 'dir'; path: string } : Place
type Frozen<T> = T extends object ? { readonly [Name in keyof T]: Frozen<T[Name]> } : T

/** Where buckets that nothing maps are: a directory above them, or an S3 endpoint. */
export type StoreConfig = Frozen<Filled<NonNullable<Written['store']>>>
/** One bucket: its own directory, or a bucket of an S3 endpoint. */
export type BucketConfig = Frozen<Filled<Written['resources']['buckets'][string]>>
export type RedisConfig = Frozen<Written['redis']>
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
