/**
 * Whose domain a message claims to be from: the one domain of its one From field, or why there is none such.
 * Pure, never throws, linear. RFC 9989 §5.3.1, RFC 5322 §3.4.1 and §3.6.2
 */
import { parseAddressList } from '../../mail/address-list.ts'
import { contentOf, type RawField } from '../dkim/fields.ts'
import { plainName } from '../names.ts'

export type Author =
  /** As names are compared; or a literal, `[192.0.2.1]`. */
  | { readonly domain: string }
  | {
      readonly domain?: undefined
      readonly reason: 'from-missing' | 'from-several' | 'from-invalid'
    }

export function authorOf(fields: readonly RawField[]): Author {
  const froms = fields.filter(({ name }) => name === 'from')
  const [from] = froms
  if (from === undefined) return { reason: 'from-missing' }
  // A reader may show either, a signature cover the other.
  if (froms.length > 1) return { reason: 'from-several' }
  const text = Buffer.from(contentOf(from), 'latin1').toString().replaceAll('\r\n', '')
  return authorAmong(parseAddressList(text).map(({ address }) => address))
}

function authorAmong(addresses: readonly string[]): Author {
  const domains = new Set<string>()
  let invalid = false
  for (const address of addresses) {
    const found = domainsOf(address)
    // Nobody knows what a reader sees there.
    if (found.length === 0) invalid = true
    for (const each of found) domains.add(each)
  }
  const [domain] = domains
  if (domain === undefined) return { reason: 'from-missing' }
  if (invalid) return { reason: 'from-invalid' }
  return domains.size === 1 ? { domain } : { reason: 'from-several' }
}

/** One of an addr-spec. Of `a@one.test@other.test` both: readers differ in which they take. */
function domainsOf(address: string): readonly string[] {
  const ats = separators(address, true)
  return ats.flatMap((at, index) => domainIn(address.slice(at + 1, ats[index + 1])) ?? [])
}

/** Where each `@` is that stands neither within a quoted string before the first, nor in a literal behind it. */
function separators(address: string, heedQuotes: boolean): readonly number[] {
  const found: number[] = []
  let until = ''
  for (let at = 0; at < address.length; at += 1) {
    const character = address.charAt(at)
    if (until === '"' && character === '\\') at += 1
    else if (until !== '') until = character === until ? '' : until
    else if (character === '@') found.push(at)
    else if (character === '"' && heedQuotes && found.length === 0) until = '"'
    else if (character === '[' && found.length > 0) until = ']'
  }
  // A quote without an end quotes nothing: what a reader takes for the domain may be behind it.
  return until === '"' ? separators(address, false) : found
}

const literal = /^\[[^[\]\\]*\]$/

function domainIn(text: string): string | undefined {
  const name = text.trim()
  if (/[\s"<>(),;:\\@[\]]/.test(name) && !literal.test(name)) return undefined
  // The root alone is no domain.
  return plainName(name) || undefined
}
