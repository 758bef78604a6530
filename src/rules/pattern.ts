/**
 * Recipient patterns: `user@domain` (with its labels `user+x@domain`), `domain`, `.domain` (any
 * subdomain); ours: `*` for any characters of the user, `*.domain` for any subdomain. Pure: no input
 * makes it throw. SES: recipient matching (reference §1.3)
 *
 * Comparison is on a canonical form of both sides, so that spelling never decides: lower case, the
 * local part without quotes (RFC 5321 §4.1.2: they carry no meaning) and in NFC (RFC 6532 §3.1),
 * the domain as A-labels (RFC 5890 §2.3.2.1), so `bücher.example` is `xn--bcher-kva.example`.
 */
import { domainToASCII } from 'node:url'

/** A domain in the form in which domains are compared. */
export function canonicalDomain(domain: string): string {
  const lower = domain.toLowerCase()
  // domainToASCII reads its argument as a URL's host: it would decode %41 and turn 1.2 into an
  // address, so it only sees what needs it. It says '' for what is no domain.
  if (!/[^\x00-\x7f]/.test(lower) || lower.includes('%')) return lower
  return domainToASCII(lower) || lower
}

/** An envelope recipient in the form in which it is compared; without a domain it ends in `@`. */
export function canonicalAddress(address: string): string {
  // The last @ splits: a quoted local part may hold others (RFC 5321 §4.1.2).
  const at = address.lastIndexOf('@')
  const local = at < 0 ? address : address.slice(0, at)
  const domain = at < 0 ? '' : address.slice(at + 1)
  return `${unquote(local).toLowerCase().normalize('NFC')}@${canonicalDomain(domain)}`
}

/**
 * A valid pattern in the form in which it is compared. A user at any subdomain becomes
 * `user@.domain`; where any user will do, the domain stands alone.
 */
export function canonicalPattern(pattern: string): string {
  const at = pattern.lastIndexOf('@')
  const written = pattern.slice(at + 1).replace(/^\*?\./, '.')
  const domain = written.startsWith('.')
    ? `.${canonicalDomain(written.slice(1))}`
    : canonicalDomain(written)
  if (at < 0) return domain
  const address = canonicalAddress(pattern)
  const local = address.slice(0, address.lastIndexOf('@')).replace(/\*+/g, '*')
  return local === '*' ? domain : `${local}@${domain}`
}

/** Whether a canonical pattern has to be compared character by character; others are looked up. */
export function isGlob(canonical: string): boolean {
  const at = canonical.lastIndexOf('@')
  return at >= 0 && (canonical.includes('*') || canonical.charAt(at + 1) === '.')
}

/**
 * Every canonical pattern that takes all that `canonical` (an address or a pattern) stands for, the
 * closest first: the address, the address without its label, the domain, the domains above it. Their
 * number depends on the domain's labels only; this is what makes recipient lookup independent of
 * the number of rules.
 */
export function patternsCovering(canonical: string): string[] {
  const at = canonical.lastIndexOf('@')
  const domain = canonical.slice(at + 1)
  if (at < 0) return domain.startsWith('.') ? parents(domain) : [domain, ...parents(domain)]
  // What begins with a dot is no domain (RFC 5321 §2.3.5) and must not meet a `.domain` pattern.
  if (domain === '' || domain.startsWith('.')) return []
  const plus = canonical.indexOf('+')
  const base = plus < 0 || plus > at ? [] : [`${canonical.slice(0, plus)}@${domain}`]
  return [canonical, ...base, domain, ...parents(domain)]
}

/** Patterns that surely take all that a canonical pattern takes; there may be globs beside them. */
export function patternsAbove(canonical: string): string[] {
  if (!isGlob(canonical)) return patternsCovering(canonical)
  const domain = canonical.slice(canonical.lastIndexOf('@') + 1)
  return domain.startsWith('.')
    ? [canonical, ...parents(domain)]
    : [canonical, domain, ...parents(domain)]
}

/** The domain, and `.domain` for each that it is below: what a pattern for it can end in. */
export function domainsCovering(domain: string): string[] {
  return domain === '' || domain.startsWith('.') ? [] : [domain, ...parents(domain)]
}

/** What is wrong with a pattern, as the end of a sentence about it; undefined when it is valid. */
export function patternProblem(pattern: string): string | undefined {
  if (pattern === '') return 'is empty; leave Recipients out to take every address'
  if (/\s/.test(pattern)) return 'has white space in it'
  const parts = pattern.split('@')
  if (parts.length > 2) return 'has more than one @'
  if (parts.length === 2 && parts[0] === '') {
    return `has nothing before the @; write ${parts[1]} to take every address of the domain`
  }
  const domain = parts.at(-1) ?? ''
  if (parts.length === 2 && domain.startsWith('.')) {
    return `has a user at "any subdomain", which SES does not define; write ${parts[0]}@*${domain}`
  }
  const rest = domain.replace(/^\*?\./, '')
  if (rest.includes('*')) {
    return rest === '*'
      ? 'needs a domain: "*" alone would take mail for the whole world'
      : 'has a wildcard inside the domain, where it can only stand for all subdomains, as in *.example.com'
  }
  return domainProblem(canonicalDomain(rest))
}

/** SES: at least two labels of letters, digits and hyphens, none empty (reference §1.3). */
function domainProblem(domain: string): string | undefined {
  const labels = domain.split('.')
  const isLabel = (label: string) => /^[a-z0-9]([a-z0-9-]*[a-z0-9])?$/.test(label)
  // Longer ones can never arrive (RFC 1035 §2.3.4).
  const fits = domain.length <= 253 && labels.every((label) => label.length <= 63)
  if (!labels.every(isLabel) || !fits) return 'does not name a valid domain'
  return labels.length < 2 ? 'needs a domain of at least two labels, as in example.com' : undefined
}

function parents(domain: string): string[] {
  const found: string[] = []
  for (let dot = domain.indexOf('.'); dot >= 0; dot = domain.indexOf('.', dot + 1)) {
    found.push(domain.slice(dot))
  }
  return found
}

function unquote(local: string): string {
  if (local.length < 2 || !local.startsWith('"') || !local.endsWith('"')) return local
  return local.slice(1, -1).replace(/\\(.)/gs, '$1')
}
