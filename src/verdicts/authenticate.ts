/**
 * SPF (RFC 7208), DKIM (RFC 6376, 8301, 8463), DMARC (RFC 9989) and ARC (RFC 8617), on the bytes as captured.
 * DKIM is verified here (dkim/verify.ts) and SPF evaluated (spf/check-host.ts), DMARC and ARC by mailauth in strict
 * mode. Promises a verdict for each of them whatever the message or DNS holds, and soon after `signal` aborts; look-ups,
 * signatures and texts are bounded (pitfalls P42, P47). Never takes a client's or a sender's own claims for results.
 */
import { evaluateDmarc } from 'mailauth/lib/dmarc/verify.js'
import { formatDomain, getAlignment } from 'mailauth/lib/tools.js'
import type { Dns } from '../dns/resolver.ts'
import { parseAddressList } from '../mail/address-list.ts'
import type { CapturedMessage } from '../mail/captured.ts'
import type { Envelope } from '../mail/envelope.ts'
import type { Authentication } from '../mail/verdict.ts'
import { arcOf, trustedDmarcPass } from './arc.ts'
import { judgeDkim, judgeDmarc } from './authenticated.ts'
import { contentOf, type RawField, rawFields } from './dkim/fields.ts'
import { type VerifiedSignature, verifyDkim } from './dkim/verify.ts'
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
  const authors = authorsOf(fields)
  const valid = dkim.signatures.filter(({ result }) => result === 'pass')
  const dmarc = await evaluateDmarc({
    headerFrom: authors.addresses,
    fromFields: authors.fields,
    spfDomains: spf.result === 'pass' ? [spf.domain] : [],
    dkimDomains: valid.map(({ domain, body }) => ({
      domain,
      underSized: body === undefined ? 0 : body.total - body.signed,
    })),
    resolver,
    strict: true,
  })
  const author = authorDomain(authors)
  const signatures = dkim.signatures.map((each) => ({
    ...each,
    aligned: author !== undefined && isAligned(each, author, dmarc),
  }))
  const trusted = trustedDmarcPass(chain, arc, author, options.trustedSealers)
  return {
    spf,
    dkim: judgeDkim(signatures, dkim.unverified),
    ...judgeDmarc(dmarc.response, dmarc.reason, trusted),
    arc,
  }
}

type Authors = { readonly fields: number; readonly addresses: readonly string[] }

/** The addr-specs of all From fields. */
function authorsOf(fields: readonly RawField[]): Authors {
  const froms = fields.filter(({ name }) => name === 'from')
  const texts = froms.map((each) =>
    Buffer.from(contentOf(each), 'latin1').toString().replace(/\r\n/g, ''),
  )
  return {
    fields: froms.length,
    addresses: texts.flatMap(parseAddressList).map(({ address }) => address),
  }
}

/** RFC 9989 §5.3.1: the one domain of the one From field, if there is such. */
function authorDomain({ fields, addresses }: Authors): string | undefined {
  const domains = new Set(
    addresses.map((each) => each.slice(each.lastIndexOf('@') + 1).toLowerCase()),
  )
  const [domain] = domains
  return fields === 1 && domains.size === 1 ? domain : undefined
}

/**
 * RFC 9989 §4.4. Of valid signatures DMARC's walk of the tree knows, where there is a policy; else the Public
 * Suffix List has to do.
 */
function isAligned(
  { domain, result }: VerifiedSignature,
  author: string,
  { response, dkimAligned }: Awaited<ReturnType<typeof evaluateDmarc>>,
): boolean {
  if (domain === '') return false
  if (result === 'pass' && dkimAligned !== undefined) return dkimAligned.has(formatDomain(domain))
  const strict = response !== false && response.alignment?.dkim?.strict === true
  return getAlignment(author, [domain], strict) !== false
}
