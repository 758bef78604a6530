/** What the tests of authentication share: a name server, a message in memory, one authentication of it. */
import { afterAll, beforeAll } from 'vitest'

import { type Dns, openDns } from '../../../src/dns/resolver.ts'
import type { CapturedMessage } from '../../../src/mail/captured.ts'
import type { Authentication } from '../../../src/mail/verdict.ts'
import { authenticate } from '../../../src/verdicts/authenticate.ts'
import { type RunningDns, startDns, type Zones } from '../../support/dns.ts'

/** A name server for the tests of one file, and our resolver before it. */
export function served(zones: Zones): { readonly dns: Dns; readonly server: RunningDns } {
  const made = {} as { dns: Dns; server: RunningDns }
  beforeAll(async () => {
    made.server = await startDns(zones)
    made.dns = dnsOf(made.server.server)
  })
  afterAll(async () => {
    made.dns.close()
    await made.server.stop()
  })
  return made
}

export const client = {
  remoteIp: '192.0.2.10',
  helo: 'mail.example.test',
  reversePath: 'a@example.test',
}

const defaults = {
  hostname: 'mx.here.test',
  maxSignatures: 10,
  maxDnsQueries: 100,
  trustedSealers: [] as readonly string[],
}

/** In memory; or, with `pieces`, read from elsewhere piece by piece. */
export function captured(message: Buffer | string, pieces?: readonly Buffer[]): CapturedMessage {
  const octets = Buffer.from(message)
  const end = octets.indexOf('\r\n\r\n')
  return {
    size: octets.length,
    header: octets.subarray(0, end < 0 ? octets.length : end + 4),
    read: () => (pieces === undefined ? [octets] : readFrom(pieces)),
  }
}

async function* readFrom(pieces: readonly Buffer[]): AsyncGenerator<Buffer> {
  yield* pieces
}

export type Asked = Partial<typeof client & typeof defaults> & { readonly signal?: AbortSignal }

export function authenticated(
  message: Buffer | string | CapturedMessage,
  dns: Dns,
  asked: Asked = {},
): Promise<Authentication> {
  const { signal = AbortSignal.timeout(20_000), ...rest } = asked
  const given =
    typeof message === 'string' || Buffer.isBuffer(message) ? captured(message) : message
  const options = { ...defaults, ...rest }
  return authenticate(given, { ...client, ...rest }, options, dns, signal)
}

export function dnsOf(server: string, timeoutMs = 500): Dns {
  return openDns({ servers: [server], timeoutMs, cacheEntries: 1000, cacheSeconds: 1 })
}
