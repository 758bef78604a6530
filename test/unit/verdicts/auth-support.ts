/** What the tests of authentication share: a message in memory, and one authentication of it. */

import { type Dns, openDns } from '../../../src/dns/resolver.ts'
import type { CapturedMessage } from '../../../src/mail/captured.ts'
import type { Authentication } from '../../../src/mail/verdict.ts'
import { authenticate } from '../../../src/verdicts/authenticate.ts'

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

/** `pieces`: how reading gives the message out. */
export function captured(message: Buffer | string, pieces?: readonly Buffer[]): CapturedMessage {
  const octets = Buffer.from(message)
  const end = octets.indexOf('\r\n\r\n')
  return {
    size: octets.length,
    header: octets.subarray(0, end < 0 ? octets.length : end + 4),
    async *read() {
      yield* pieces ?? [octets]
    },
  }
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
