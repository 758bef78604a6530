/**
 * DMARC: whether the domain of the author vouches for a message, and what it asks for if it does not. Promises an
 * outcome whatever message and DNS hold; what it asks DNS is bounded. RFC 9989 §5.3
 */
import type { Resolve } from '../../dns/resolver.ts'
import type { DmarcPolicy, SpfResult } from '../../mail/verdict.ts'
import type { VerifiedSignature } from '../dkim/verify.ts'
import { plainName } from '../names.ts'
import { alignedBySuffix, relaxedAlignment } from './alignment.ts'
import type { Author } from './author.ts'
import { policyFor } from './policy.ts'
import { type Lookup, lookupBy } from './questions.ts'
import type { DmarcRecord } from './record.ts'
import { policyRecord } from './tree-walk.ts'

export type Dmarc = Skipped | WithoutPolicy | Judged

/** Without one domain of an author there is nobody to ask. */
type Skipped = {
  readonly result: 'skipped'
  readonly reason: Extract<Author, { readonly reason: string }>['reason']
  readonly aligned: ReadonlySet<string>
}

type WithoutPolicy = {
  /** No record asks for anything; or a name server that failed leaves that open. */
  readonly result: 'none' | 'temperror'
  /** The author's. */
  readonly domain: string
  readonly policyDomain?: undefined
  readonly policy?: undefined
  readonly alignment?: undefined
  readonly aligned: ReadonlySet<string>
}

type Judged = {
  readonly result: 'pass' | 'fail' | 'temperror'
  readonly domain: string
  /** Where the record is. */
  readonly policyDomain: string
  readonly policy: DmarcPolicy
  /** The domains that vouch for the author's. */
  readonly alignment: { readonly spf?: string; readonly dkim?: string }
  /** Nothing but a signature of the beginning of the body vouches for it. */
  readonly partial: boolean
  /** The domains of signatures, valid or not, that are aligned, as they are written there. */
  readonly aligned: ReadonlySet<string>
}

type Signature = Pick<VerifiedSignature, 'domain' | 'result' | 'body'>

/** What SPF says of the domain that it asked. */
export type SpfIdentity = { readonly domain: string; readonly result: SpfResult }

export async function evaluateDmarc(
  author: Author,
  spf: SpfIdentity,
  signatures: readonly Signature[],
  resolve: Resolve,
): Promise<Dmarc> {
  const { domain } = author
  if (domain === undefined) return { result: 'skipped', reason: author.reason, aligned: new Set() }
  const lookup = lookupBy(resolve)
  const found = await policyRecord(domain, lookup)
  if (found === 'unknown' || found?.record.policies === undefined) {
    const result = found === 'unknown' ? 'temperror' : 'none'
    const signers = signatures.map((each) => each.domain)
    return { result, domain, aligned: await alignedBySuffix(domain, signers) }
  }
  const { record, domain: policyDomain } = found
  const inherited = policyDomain !== domain
  const { policy, certain } = await policyFor(domain, inherited, found.record.policies, resolve)
  const identities = await checked(domain, identitiesOf(spf, signatures, record), lookup)
  const vouching = identities.filter(({ valid, aligned }) => valid === true && aligned === true)
  // §5.3.6: what could not be checked, or whose alignment could not, might have vouched.
  const open = identities.some(({ valid, aligned }) => valid !== false && aligned !== false)
  const bySpf = vouching.find(({ by }) => by === 'spf')
  const byDkim = vouching.find(({ by }) => by === 'dkim')
  const signers = identities.filter(({ by, aligned }) => by === 'dkim' && aligned === true)
  return {
    result: vouching.length > 0 ? 'pass' : open || !certain ? 'temperror' : 'fail',
    domain,
    policyDomain,
    policy,
    alignment: {
      ...(bySpf === undefined ? {} : { spf: bySpf.domain }),
      ...(byDkim === undefined ? {} : { dkim: byDkim.domain }),
    },
    partial: vouching.length > 0 && vouching.every(({ unsigned }) => unsigned > 0),
    aligned: new Set(signers.map((each) => each.domain)),
  }
}

/** A domain that SPF or a signature names. */
type Identity = {
  readonly by: 'spf' | 'dkim'
  readonly domain: string
  readonly name: string
  /** Undefined: DNS failed, and nobody can tell. */
  readonly valid: boolean | undefined
  /** Octets at the end of the body that the signature leaves out (`l=`). */
  readonly unsigned: number
  readonly strict: boolean
}

/** The most useful first, because walks may run out: what is valid, and signs the most. */
function identitiesOf(
  spf: SpfIdentity,
  signatures: readonly Signature[],
  { strictSpf, strictDkim }: DmarcRecord,
): readonly Identity[] {
  const bySpf = {
    by: 'spf',
    domain: spf.domain,
    name: plainName(spf.domain),
    valid: isValid(spf),
    unsigned: 0,
    strict: strictSpf,
  } as const
  const byDkim = signatures.map((each): Identity => {
    const { domain, body } = each
    const unsigned = body === undefined ? 0 : body.total - body.signed
    const name = plainName(domain)
    return { by: 'dkim', domain, name, valid: isValid(each), unsigned, strict: strictDkim }
  })
  byDkim.sort((a, b) => rank(a) - rank(b) || a.unsigned - b.unsigned)
  return bySpf.valid === false ? byDkim : [bySpf, ...byDkim]
}

function isValid({ result }: SpfIdentity | Signature): boolean | undefined {
  return result === 'temperror' ? undefined : result === 'pass'
}

function rank({ valid }: Identity): number {
  return valid === true ? 0 : valid === undefined ? 1 : 2
}

/** Each with whether it is aligned with `author`; undefined: nobody can tell. */
async function checked(
  author: string,
  identities: readonly Identity[],
  lookup: Lookup,
): Promise<readonly (Identity & { readonly aligned: boolean | undefined })[]> {
  const relaxed = identities.filter(({ strict }) => !strict).map(({ name }) => name)
  const aligns = await relaxedAlignment(author, relaxed, lookup)
  return identities.map((each) => ({
    ...each,
    aligned: each.strict ? each.name === author : aligns(each.name),
  }))
}
