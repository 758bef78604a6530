/** The rows of the option table that are about this node: disk, names it asks, what it writes. See options.ts. */
import { z } from 'zod'
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
    60_000,
    'Longest wait for one answer. Bounds how long a name server can hold a session.',
  ),
})

export const blocklists = z.strictObject({
  dnsbl: z
    .array(value.notYet('this release looks up no blocklists'))
    .default([])
    .describe('DNS blocklists. None yet: only [] is accepted.'),
})

export const virus = z.strictObject({
  clamd: value
    .onlyOff('this release scans for no viruses')
    .describe('Virus scanner. None yet: only off is accepted.'),
})

export const spam = z.strictObject({
  rspamd: value
    .onlyOff('this release asks no spam filter')
    .describe('Spam filter. None yet: only off is accepted.'),
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
  attempts: integer(
    80,
    1,
    10_000,
    'Attempts before a message goes to the dead letters, where it waits for somebody to decide. Bounds the work that one undeliverable message makes.',
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

export const log = z.strictObject({
  level: value.choice(['debug', 'info', 'warn', 'error'], 'info', 'Least level that is written.'),
  format: value.choice(
    ['auto', 'json', 'pretty'],
    'auto',
    'json for machines, pretty for people; auto is pretty on a terminal.',
  ),
})
