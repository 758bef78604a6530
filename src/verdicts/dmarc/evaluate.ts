/**
 * DMARC: whether the domain of the author vouches for a message, and what it asks for if it does not. Promises an
 * outcome whatever message and DNS hold; what it asks DNS is bounded. RFC 9989 §5.3
 */
import type { Resolve } from '../../dns/resolver.ts'
import type { DmarcPolicy } from '../../mail/verdict.ts'
import { plainName } from '../dkim/names.ts'
import type { VerifiedSignature } from '../dkim/verify.ts'
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

/** `spf`: the domain that SPF passed for. */
export async function evaluateDmarc(
  author: Author,
  spf: string | undefined,
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
  const vouching = identities.filter(({ valid, aligned }) => valid && aligned === true)
  const open = identities.some(({ valid, aligned }) => valid && aligned === undefined)
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
  readonly valid: boolean
  /** Octets at the end of the body that the signature leaves out (`l=`). */
  readonly unsigned: number
  readonly strict: boolean
}

/** The most useful first, because walks may run out: what is valid, and signs the most. */
function identitiesOf(
  spf: string | undefined,
  signatures: readonly Signature[],
  { strictSpf, strictDkim }: DmarcRecord,
): readonly Identity[] {
  const signed = signatures.map(({ domain, result, body }): Identity => {
    const unsigned = body === undefined ? 0 : body.total - body.signed
    const valid = result === 'pass'
    return { by: 'dkim', domain, name: plainName(domain), valid, unsigned, strict: strictDkim }
  })
  signed.sort((a, b) => Number(b.valid) - Number(a.valid) || a.unsigned - b.unsigned)
  if (spf === undefined) return signed
  const name = plainName(spf)
  return [{ by: 'spf', domain: spf, name, valid: true, unsigned: 0, strict: strictSpf }, ...signed]
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
