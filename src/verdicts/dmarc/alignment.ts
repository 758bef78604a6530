/** Which domains belong to the organization of the author's domain. RFC 9989 §4.4, §4.10.2 */
import { plainName } from '../names.ts'
import type { Lookup } from './questions.ts'
import { organizationOf } from './tree-walk.ts'

/** As names compare; undefined: it could not be found out. */
export type Aligns = (domain: string) => boolean | undefined

/** A walk is bounded; what a message may name is not. */
const mostWalks = 10

/** Relaxed alignment of `domains`, the most important first: those beyond ten walks are left open. */
export async function relaxedAlignment(
  author: string,
  domains: readonly string[],
  lookup: Lookup,
): Promise<Aligns> {
  // Two that have not even the last label in common belong to no common organization.
  const akin = domains.filter((each) => each !== author && lastLabel(each) === lastLabel(author))
  if (akin.length === 0) return (domain) => domain === author
  const organization = await organizationOf(author, lookup)
  if (organization === undefined)
    return (domain) => domain === author || (akin.includes(domain) ? undefined : false)
  // An organization is the domain itself or above it, so that others need no walk.
  const below = new Set(akin.filter((each) => each.endsWith(`.${organization}`)))
  const walked = [...below].slice(0, mostWalks)
  const found = await Promise.all(walked.map((each) => organizationOf(each, lookup)))
  return (domain) => {
    if (domain === author || domain === organization) return true
    if (!below.has(domain)) return false
    const own = found[walked.indexOf(domain)]
    return own === undefined ? undefined : own === organization
  }
}

function lastLabel(domain: string): string {
  return domain.slice(domain.lastIndexOf('.') + 1)
}

/** No name is longer; a reader of the Public Suffix List might choke. */
const longest = 253

/** Where no policy tells, the Public Suffix List has to do: those of `domains`, as they are written, that are aligned. */
export async function alignedBySuffix(
  author: string,
  domains: readonly string[],
): Promise<ReadonlySet<string>> {
  if (domains.every((each) => plainName(each) === author)) return new Set(domains)
  // Most mail does without, and its loading costs 70 ms.
  const { getAlignment } = await import('mailauth/lib/tools.js')
  return new Set(
    domains.filter((each) => {
      const name = plainName(each)
      return name !== '' && name.length <= longest && getAlignment(author, [name]) !== false
    }),
  )
}
