/** The rows of the option table below `smtp`: taking mail. See options.ts. */
import { z } from 'zod'
import { limits } from './options-limits.ts'
import * as value from './values.ts'

const { integer, KiB, MiB, GiB } = value

/** What `smtp.refuse` can hold. */
export const refusals = ['virus', 'spam', 'dmarc-reject', 'spf-fail'] as const
export type Refusal = (typeof refusals)[number]

export const smtp = z.strictObject({
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
  limits: limits.prefault({}).describe('What one client, and all together, may take.'),
  tls: z
    .strictObject({
      cert: value.path.describe('Certificate chain (PEM), reloaded when it changes.'),
      key: value.path.describe('Its private key (PEM).'),
    })
    .exactOptional()
    .meta({ 'x-default': 'a self-signed certificate', description: 'Certificate for STARTTLS.' }),
  refuse: z
    .array(z.enum(refusals, { error: `must be one of ${refusals.join(', ')}` }))
    .default([])
    .describe(
      'Verdicts that refuse a message at its end with 550 5.7.1: virus and spam when they are FAIL, dmarc-reject when DMARC fails and the policy is reject, spf-fail when SPF says fail. [] refuses none, as SES.',
    ),
  verdictTimeoutMs: integer(
    30_000,
    1000,
    30_000,
    'How long all checks of a message together may take; one that is not done by then is PROCESSING_FAILED. Bounds how long a slow scanner can hold a session.',
  ),
})
