/** The rows of the option table that are about this node: disk, names it asks, what it writes. See options.ts. */
import { z } from 'zod'
import { parseListen } from './texts.ts'
import * as value from './values.ts'

const { integer, MiB, GiB } = value

export const http = z.strictObject({
  listen: value.listenAddress
    .default('127.0.0.1:8025')
    .describe('Where /metrics, /healthz and /readyz are.'),
})

export const dns = z.strictObject({
  servers: z
    .array(value.dnsServer)
    .default([])
    .describe("Resolvers to ask; [] takes the system's."),
  timeoutMs: integer(
    5000,
    100,
    15_000,
    'Longest wait for one answer. Bounds how long a name server can hold a session.',
  ),
  cacheEntries: integer(
    10_000,
    0,
    1_000_000,
    'Answers kept in memory by each process; 0 keeps none. Bounds the memory that names made up by senders can take.',
  ),
  cacheSeconds: integer(
    60,
    1,
    3600,
    'How long an answer is kept; less where its TTL is known and shorter.',
  ),
})

const onFailure = (doc: string) => value.choice(['accept', 'defer', 'refuse'], 'accept', doc)

export const authentication = z.strictObject({
  maxSignatures: integer(
    10,
    1,
    100,
    'DKIM-Signature fields that are verified, from the top; the rest is only counted. Bounds the look-ups and hashes of a message with a thousand of them.',
  ),
  maxDnsQueries: integer(
    100,
    10,
    1000,
    'Look-ups that SPF, DKIM, DMARC and ARC of one message may make together; beyond, the result is temperror. Keeps one message from making us query the world.',
  ),
  trustedSealers: z
    .array(value.domainName)
    .default([])
    .describe(
      'Domains whose ARC seals are believed: where all seals of a valid chain are theirs, a DMARC pass they saw replaces our fail, visibly. [] believes none.',
    ),
  onFailure: onFailure(
    'When DNS does not answer in time: accept with PROCESSING_FAILED, defer (451) or refuse (550).',
  ),
})

const dnsList = (lists: string) =>
  z.strictObject({
    zone: value.domainName.describe('Domain of the list.'),
    refuseOn: z
      .array(value.dnsblAnswer)
      .min(1, { error: 'must name at least one answer' })
      .default(['127.0.0.2-254'])
      .describe(
        `Answers that mean ${lists}: addresses in 127/8, the last number may be a range. 127.255.255.x never does.`,
      ),
  })

export const blocklists = z.strictObject({
  dnsbl: z
    .array(dnsList('"listed, refuse"'))
    .max(16, { error: 'must name at most 16 lists' })
    .default([])
    .describe('DNS blocklists, asked about every client; a listed one gets 550 5.7.1 at RCPT.'),
  dnswl: z
    .array(dnsList('"known good"'))
    .max(16, { error: 'must name at most 16 lists' })
    .default([])
    .describe('DNS allow lists: a client on one of them is refused by no blocklist.'),
  probeSeconds: integer(
    300,
    1,
    86_400,
    'How often each list is tried with 127.0.0.2, which it must list, and 127.0.0.1, which it must not. A list that fails is not used until it passes: a dead one would list everybody or nobody.',
  ),
})

export const virus = z.strictObject({
  clamd: value.clamd
    .default('auto')
    .describe(
      'Virus scanner. `auto` uses the clamd found on this machine, else runs one where it is installed; off, unix:/path, or host:port.',
    ),
  scan: value.choice(
    ['attachments', 'all'],
    'attachments',
    'attachments scans, as SES does, messages that have any; all scans every message.',
  ),
  concurrency: integer(
    8,
    1,
    64,
    'Scans at once in each SMTP process; others wait their turn. Bounds the load on clamd, whose MaxThreads is 10 by default.',
  ),
  onFailure: onFailure(
    'When a message could not be scanned: accept with PROCESSING_FAILED, defer (451) or refuse (550).',
  ),
})

export const spam = z.strictObject({
  rspamd: value.rspamd
    .default('off')
    .describe('Spam filter: off, or http://host:11333, the normal worker of rspamd.'),
  grayScore: value.score(6, 'Score from which the verdict is GRAY; rspamd adds a header at 6.'),
  failScore: value.score(15, 'Score from which the verdict is FAIL; rspamd rejects at 15.'),
  concurrency: integer(
    16,
    1,
    256,
    'Questions at once from each SMTP process; others wait their turn. Bounds the load on rspamd.',
  ),
  onFailure: onFailure(
    'When rspamd could not judge: accept with PROCESSING_FAILED, defer (451) or refuse (550).',
  ),
})

export const spool = z.strictObject({
  minFreeBytes: integer(
    256 * MiB,
    MiB,
    1024 * 1024 * GiB,
    'Free space under the spool below which mail is deferred with 452 4.3.1. Keeps a flood of mail from filling the disk.',
  ),
  minFreeInodes: integer(
    1000,
    0,
    1_000_000_000,
    'The same for free inodes, against a flood of small messages; 0 where the file system counts none.',
  ),
})

export const delivery = z.strictObject({
  processes: integer(1, 1, 64, 'Processes that seal and store.'),
  concurrency: integer(
    16,
    1,
    256,
    'Messages in work at once in each process. Bounds memory and connections to the store.',
  ),
  retrySeconds: integer(
    259_200,
    0,
    2_592_000,
    'How long a failing action is tried again before its message goes to the dead letters, where it waits for somebody to decide: 3 days. 0: it is tried once. Bounds the work that one undeliverable message makes.',
  ),
  firstRetryMs: integer(
    5000,
    10,
    3_600_000,
    'Wait before the second attempt; each later wait is twice as long. Keeps a store that is coming back from being run over.',
  ),
  maxRetryMs: integer(
    3_600_000,
    10,
    86_400_000,
    'Longest wait between two attempts. Bounds how late mail is once the store is back.',
  ),
  sweepSeconds: integer(
    30,
    1,
    3600,
    'How often the spool is compared with the queue. Bounds how long a job that Redis lost stays unnoticed.',
  ),
})

export const notifications = z.strictObject({
  maxContentBytes: integer(
    153_600,
    1024,
    41_943_040,
    'Largest message that goes with a notification as a whole (SNSAction, WebhookAction with Content): 150 KB, as SES. Bounds the memory of one notification; Amazon SNS itself takes 256 KB, Base64 and header fields included.',
  ),
  oversize: value.choice(
    ['bounce', 'reference'],
    'bounce',
    'What becomes of a larger one in an SNSAction: bounce answers 552 5.2.3, as SES does; reference sends the notification without it where an S3Action of the rule has stored it before.',
  ),
  urlSeconds: integer(
    3600,
    0,
    604_800,
    'How long the presigned URL of a stored object in a notification is good; 0 gives none. It opens the sealed object to whoever reads the notification, and nothing else.',
  ),
})

export const quarantine = z.strictObject({
  bucket: value.bucketName.default('quarantine').describe('Bucket of quarantined mail.'),
  prefix: value
    .text(
      'key prefix',
      (text) => Buffer.byteLength(text) <= 500 && !/[\x00-\x1f\x7f]/.test(text),
      'a key prefix of at most 500 octets without control characters',
    )
    .default('quarantine/')
    .describe('What its keys begin with; the name of the rule follows, then the message id.'),
})

export const bounces = z.strictObject({
  relay: value
    .text(
      'relay',
      (text) => text === 'off' || (parseListen(text)?.port ?? 0) > 0,
      'off, or the host:port of a mail server',
    )
    .default('off')
    .describe(
      'Mail server that bounce messages go through; off sends them to the MX of the sender. Many clouds block port 25.',
    ),
})

export const log = z.strictObject({
  level: value.choice(['debug', 'info', 'warn', 'error'], 'info', 'Least level that is written.'),
  format: value.choice(
    ['auto', 'json', 'pretty'],
    'auto',
    'json for machines, pretty for people; auto is pretty on a terminal.',
  ),
})
