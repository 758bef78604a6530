/**
 * SPF (RFC 7208), DKIM (RFC 6376, 8301, 8463), DMARC (RFC 9989) and ARC (RFC 8617), on the bytes as captured.
 * The first three are Postern's own (spf/, dkim/, dmarc/), ARC is mailauth's. Promises a verdict for each of them
 * whatever the message or DNS holds, and soon after `signal` aborts; look-ups, signatures and texts are bounded
 * (pitfalls P42, P47). Never takes a client's or a sender's own claims for results.
 */
import type { Dns } from '../dns/resolver.ts'
import type { CapturedMessage } from '../mail/captured.ts'
import type { Envelope } from '../mail/envelope.ts'
import type { Authentication } from '../mail/verdict.ts'
import { arcOf, trustedDmarcPass } from './arc.ts'
import { judgeDkim, judgeDmarc } from './authenticated.ts'
import { rawFields } from './dkim/fields.ts'
import { verifyDkim } from './dkim/verify.ts'
import { authorOf } from './dmarc/author.ts'
import { evaluateDmarc } from './dmarc/evaluate.ts'
import { judgeSpf } from './spf/judge.ts'

export type AuthenticationOptions = {
  readonly hostname: string
  readonly maxSignatures: number
  readonly maxDnsQueries: number
  readonly trustedSealers: readonly string[]
}

type Client = Pick<Envelope, 'remoteIp' | 'helo' | 'reversePath'>

export async function authenticate(
  message: CapturedMessage,
  client: Client,
  options: AuthenticationOptions,
  dns: Dns,
  signal: AbortSignal,
): Promise<Authentication> {
  const { maxSignatures, hostname } = options
  const resolver = dns.budgeted(options.maxDnsQueries, signal)
  const fields = rawFields(message.header)
  const [dkim, spf, { arc, chain }] = await Promise.all([
    verifyDkim(message, fields, maxSignatures, resolver),
    judgeSpf(client, hostname, resolver),
    arcOf(message, fields, maxSignatures, resolver),
  ])
  const author = authorOf(fields)
  const dmarc = await evaluateDmarc(author, spf, dkim.signatures, resolver)
  const signatures = dkim.signatures.map((each) => ({
    ...each,
    aligned: dmarc.aligned.has(each.domain),
  }))
  const trusted = trustedDmarcPass(chain, arc, author.domain, options.trustedSealers)
  return {
    spf,
    dkim: judgeDkim(signatures, dkim.unverified),
    ...judgeDmarc(dmarc, trusted),
    arc,
  }
}
