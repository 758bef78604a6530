/**
 * The way up from a domain: whose record applies to it, and which organization it belongs to. At most eight
 * questions a walk. RFC 9989 §4.10
 */
import { isIP } from 'node:net'
import type { Lookup, Unknown } from './questions.ts'
import type { DmarcRecord } from './record.ts'

export type Found = { readonly domain: string; readonly record: DmarcRecord }

/** §4.10.1: the domain's own record; else its organization's; else that of the public suffix above. */
export async function policyRecord(
  domain: string,
  lookup: Lookup,
): Promise<Found | Unknown | undefined> {
  if (isAddress(domain)) return undefined
  // It applies whatever is above, which need not be asked for then.
  const record = await lookup(domain)
  if (record === 'unknown') return record
  if (record !== undefined) return { domain, record }
  const found = await walk(domain, lookup)
  if (found === 'unknown') return found
  const organization = organizationAmong(found, domain)
  return found.find((each) => each.domain === organization) ?? found.at(-1)
}

/** §4.10.2: the Organizational Domain; undefined where a name server that failed leaves it open. */
export async function organizationOf(domain: string, lookup: Lookup): Promise<string | undefined> {
  if (isAddress(domain)) return domain
  const found = await walk(domain, lookup)
  return found === 'unknown' ? undefined : organizationAmong(found, domain)
}

/** The records from `start` upwards. The first that knows what it is, by `psd=`, is the last. */
async function walk(start: string, lookup: Lookup): Promise<readonly Found[] | Unknown> {
  const found: Found[] = []
  for (let domain = start; domain !== ''; domain = above(domain)) {
    const record = await lookup(domain)
    if (record === 'unknown') return record
    if (record === undefined) continue
    found.push({ domain, record })
    if (record.psd !== undefined) break
  }
  return found
}

/** One label less; of a long name all but seven (§4.10, step 4). */
function above(domain: string): string {
  const labels = domain.split('.')
  return labels.slice(labels.length > 7 ? -7 : 1).join('.')
}

function organizationAmong(found: readonly Found[], start: string): string {
  const last = found.at(-1)
  if (last === undefined) return start
  const { domain, record } = last
  if (record.psd !== 'y') return domain
  // One label below the public suffix; which is an organization, too, to its own mail.
  const labels = domain.split('.').length + 1
  return start.split('.').slice(-labels).join('.')
}

/** A literal or an IP address has no name to ask for. */
function isAddress(domain: string): boolean {
  return domain.startsWith('[') || isIP(domain) !== 0
}
