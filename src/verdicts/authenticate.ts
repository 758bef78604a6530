/**
 * SPF (RFC 7208), DKIM (RFC 6376, 8301, 8463), DMARC (RFC 9989) and ARC (RFC 8617) by mailauth in strict
 * mode, on the bytes as captured. Promises a verdict for each of them whatever the message or DNS
 * holds, and soon after `signal` aborts; look-ups, signatures and texts are bounded (pitfalls P42, P47).
 * Never takes a client's or a sender's own claims for results.
 */
import { Readable } from 'node:stream'
import type { Dns, Resolve } from '../dns/resolver.ts'
import type { CapturedMessage } from '../mail/captured.ts'
import type { Envelope } from '../mail/envelope.ts'
import { spfVerdicts } from '../mail/spf-verdict.ts'
import type { ArcReport, Authentication, SpfJudgement, SpfResult } from '../mail/verdict.ts'
import { type ArcSet, arcReport, trustedDmarcPass } from './arc.ts'
import {
  judgeDkim,
  judgeDmarc,
  type MailauthDmarc,
  type MailauthSignature,
} from './authenticated.ts'
import { spf as checkSpf, authenticate as mailauth } from './mailauth.ts'
import { bounded, mailauthEngine } from './mailauth-text.ts'
import { withFewerSignatures } from './signatures.ts'

export type AuthenticationOptions = {
  readonly hostname: string
  readonly maxSignatures: number
  readonly maxDnsQueries: number
  readonly trustedSealers: readonly string[]
}

type Client = Pick<Envelope, 'remoteIp' | 'helo' | 'reversePath'>

/** What mailauth 7.1.0 answers, as far as it is read here; its own types leave half of it out. */
type Outcome = {
  readonly spf: {
    readonly domain: string
    readonly status: { result: SpfResult; comment?: string }
  }
  readonly dkim: {
    readonly headerFrom?: readonly string[]
    readonly fromFields?: number
    readonly results: readonly MailauthSignature[]
    readonly arc?: { readonly chain?: readonly ArcSet[] | false }
  }
  readonly dmarc: MailauthDmarc | false
  readonly dmarcSkipReason?: string
  readonly arc: { readonly status?: { result: ArcReport['result']; comment?: string } } | false
}

export async function authenticate(
  message: CapturedMessage,
  client: Client,
  options: AuthenticationOptions,
  dns: Dns,
  signal: AbortSignal,
): Promise<Authentication> {
  const resolver = dns.budgeted(options.maxDnsQueries, signal)
  const { source, unverified } = withFewerSignatures(message, options.maxSignatures)
  const [outcome, helo] = await Promise.all([
    mailauth(Readable.from(source, { objectMode: false }), {
      sender: client.reversePath,
      ip: client.remoteIp,
      helo: client.helo,
      mta: options.hostname,
      strict: true,
      disableBimi: true,
      // Also without it nothing would be taken from Received fields; it is what a forger would want.
      trustReceived: false,
      minBitLength: 1024,
      resolver: resolver as never,
    }) as unknown as Promise<Outcome>,
    heloOf(client, options, resolver),
  ])
  const arc = arcReport(outcome.arc, outcome.dkim.arc?.chain)
  const author = authorDomain(outcome.dkim)
  const dkim = judgeDkim(outcome.dkim.results, { author, unverified })
  const trusted = trustedDmarcPass(outcome.dkim.arc?.chain, arc, author, options.trustedSealers)
  return {
    spf: judgeSpf(outcome.spf, client, helo),
    dkim,
    ...judgeDmarc(outcome.dmarc, outcome.dmarcSkipReason, trusted),
    arc,
  }
}

/** RFC 9989 §5.3.1: the one domain of the one From field, if there is such. */
function authorDomain({ headerFrom = [], fromFields }: Outcome['dkim']): string | undefined {
  const domains = new Set(
    headerFrom.map((each) => each.slice(each.lastIndexOf('@') + 1).toLowerCase()),
  )
  const [domain] = domains
  return fromFields === 1 && domains.size === 1 ? domain : undefined
}

function judgeSpf(
  { domain, status }: Outcome['spf'],
  client: Client,
  helo: SpfJudgement['helo'],
): SpfJudgement {
  const verdict = spfVerdicts[status.result] ?? 'PROCESSING_FAILED'
  return {
    verdict,
    ...(verdict === 'PASS' ? {} : { reason: `spf-${status.result}` }),
    engine: mailauthEngine,
    result: status.result,
    // RFC 7208 §2.4: of the null reverse-path the HELO identity is checked.
    identity: client.reversePath === '' ? 'helo' : 'mailfrom',
    domain: bounded(domain),
    ...(status.comment === undefined ? {} : { comment: bounded(status.comment) }),
    ...(helo === undefined ? {} : { helo }),
  }
}

/** RFC 7208 §2.3: the HELO identity too, where it is a name and not what MAIL FROM is judged by anyway. */
async function heloOf(
  { remoteIp, helo, reversePath }: Client,
  { hostname }: AuthenticationOptions,
  resolver: Resolve,
): Promise<SpfJudgement['helo']> {
  const isName = /^(?=.{1,253}$)[a-z0-9_-]+(\.[a-z0-9_-]+)+\.?$/i.test(helo)
  if (reversePath === '' || !isName || /\.\d+\.?$/.test(helo)) return undefined
  const { status } = (await checkSpf({
    ip: remoteIp,
    helo,
    mta: hostname,
    strict: true,
    resolver: resolver as never,
  } as never)) as unknown as Outcome['spf']
  return { domain: bounded(helo), result: status.result }
}
