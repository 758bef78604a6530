/**
 * The rows of the option table below `smtp.limits`: what one client, and all together, may take of an SMTP
 * process. Each process counts for itself. See options.ts.
 */
import { z } from 'zod'
import * as value from './values.ts'

const { integer, MiB, GiB } = value

export const limits = z.strictObject({
  exempt: z
    .array(value.network)
    .default(['127.0.0.0/8', '::1/128'])
    .describe(
      'Clients that no limit by address holds for: this machine, or what stands before Postern and hides its clients, a TCP balancer or the bridge of a container.',
    ),
  maxConnections: integer(
    2000,
    1,
    100_000,
    'Most connections at a time; more are told 421 4.3.2. Bounds the memory and the descriptors that a flood of connections takes.',
  ),
  maxConnectionsPerAddress: integer(
    50,
    1,
    100_000,
    'Most connections at a time of one address (IPv6: of one /64); more are told 421 4.7.0. Keeps one client from taking all there are.',
  ),
  maxConnectionsPerMinute: integer(
    300,
    1,
    1_000_000,
    'Most connections of one address in a minute; more are told 421 4.7.0. Bounds what a client costs that comes again and again, TLS handshakes above all.',
  ),
  maxMessagesPerMinute: integer(
    1200,
    1,
    1_000_000,
    'Most MAIL commands of one address in a minute; more are 451 4.7.1. Keeps one sender from filling the spool.',
  ),
  maxRecipientsPerMinute: integer(
    6000,
    1,
    10_000_000,
    'Most RCPT commands of one address in a minute, refused ones too; more are 451 4.7.1. Bounds the guessing of addresses.',
  ),
  maxMessagesPerSession: integer(
    10_000,
    1,
    1_000_000,
    'Most MAIL commands of one session; after them it is told 421 4.7.0. Keeps a connection from staying for ever where a balancer spreads them.',
  ),
  maxErrors: integer(
    50,
    5,
    10_000,
    'Most 4yz and 5yz replies of one session; after them it is told 421 4.7.0. Ends sessions that guess addresses, attack the parser or speak HTTP.',
  ),
  maxIdleCommands: integer(
    500,
    50,
    100_000,
    'Most commands of one session without a message among them, recipients not counted; after them it is told 421 4.7.0. Ends sessions that only keep the server busy.',
  ),
  maxSessionSeconds: integer(
    3600,
    1,
    86_400,
    'Longest session; after it the client is told 421 4.4.2. Ends sessions that are held by a command now and then.',
  ),
  minBytesPerSecond: integer(
    100,
    1,
    1_000_000,
    'Slowest message, on average since its DATA, once inactivitySeconds are over; a slower one is told 421 4.4.2. Ends senders that hold a session with an octet at a time (slowloris).',
  ),
  maxMemoryBytes: integer(
    256 * MiB,
    4 * MiB,
    64 * GiB,
    'Most octets of messages and recipients in memory; over it MAIL, RCPT and messages under way are 452 4.3.1. Bounds the memory that all sessions take together.',
  ),
  maxLagMs: integer(
    1000,
    10,
    60_000,
    'How long commands may wait for their turn; while they wait longer connections are told 421 4.3.2, and at twice that MAIL 451 4.3.2. Keeps waiting short by refusing where more comes than can be taken.',
  ),
})
