/** The rows of the option table below `smtp`: taking mail. See options.ts. */
import { z } from 'zod'
import * as value from './values.ts'

const { integer, KiB, MiB, GiB } = value

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
