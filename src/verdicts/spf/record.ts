/**
 * SPF records: which of a domain's texts are such, and what one says. The whole of it is read before anything
 * of it is used (RFC 7208 §4.6). Pure, linear. RFC 7208 §4.5, §4.6, §5, §6, §12
 */
import { type Address, bitsOf, parseIPv4, parseIPv6 } from './addresses.ts'
import { isMacroString, type MacroString, parseDomainSpec } from './macros.ts'

/** What is said of a client that matches (§4.6.2). */
type Qualifier = 'pass' | 'fail' | 'softfail' | 'neutral'

export type Mechanism = { readonly result: Qualifier } & (
  | { readonly kind: 'all' }
  /** `ip4` and `ip6`. */
  | { readonly kind: 'ip'; readonly network: Address; readonly prefix: number }
  | Asking
)

/** One that asks DNS. */
export type Asking = { readonly result: Qualifier } & (
  | { readonly kind: 'include' | 'exists' | 'ptr'; readonly target: MacroString }
  | {
      readonly kind: 'a' | 'mx'
      readonly target: MacroString
      /** Bits, of an IPv4 and of an IPv6 address. */
      readonly prefixes: readonly [number, number]
    }
)

export type SpfRecord = {
  readonly mechanisms: readonly Mechanism[]
  readonly redirect: MacroString | undefined
}

/** As a target: the domain whose record it is. */
const itself: MacroString = []

/** §3.3, §4.5: of an answer of TXT records those that are SPF's, their strings joined. */
export function spfTexts(answer: readonly unknown[]): readonly string[] {
  return answer
    .map((strings) => (Array.isArray(strings) ? strings.join('') : ''))
    .filter((text) => /^v=spf1(?: |$)/i.test(text))
}

/** The record, or what is wrong with it. */
export function parseRecord(text: string): SpfRecord | string {
  if (/[^ -~]/.test(text)) return 'characters that are not visible US-ASCII'
  const mechanisms: Mechanism[] = []
  let redirect: MacroString | undefined
  let explained = false
  const [, ...terms] = text.match(/[^ ]+/g) ?? []
  for (const term of terms) {
    const [, name, value = ''] = modifier.exec(term) ?? []
    if (name === undefined) {
      const found = parseMechanism(term)
      if (found === undefined) return wrong(term)
      mechanisms.push(found)
      continue
    }
    const known = name.toLowerCase()
    if (known !== 'redirect' && known !== 'exp') {
      if (!isMacroString(value)) return wrong(term)
      continue
    }
    const target = parseDomainSpec(value)
    if (target === undefined) return wrong(term)
    // §6: each of the two once at the most.
    if (known === 'redirect' ? redirect !== undefined : explained) return `${known}= twice`
    if (known === 'redirect') redirect = target
    else explained = true
  }
  return { mechanisms, redirect }
}

function wrong(term: string): string {
  return `syntax error in ${term.length > 80 ? `${term.slice(0, 80)}…` : term}`
}

const modifier = /^([a-z][a-z\d_.-]*)=(.*)$/i
const mechanism = /^([-+?~]?)(all|include|a|mx|ptr|ip4|ip6|exists)(.*)$/i

const qualifiers: Readonly<Record<string, Qualifier>> = {
  '': 'pass',
  '+': 'pass',
  '-': 'fail',
  '~': 'softfail',
  '?': 'neutral',
}

function parseMechanism(term: string): Mechanism | undefined {
  const [, sign = '', name = '', rest = ''] = mechanism.exec(term) ?? []
  const result = qualifiers[sign] as Qualifier
  const kind = name.toLowerCase()
  switch (kind) {
    case 'all':
      return rest === '' ? { kind, result } : undefined
    case 'ip4':
    case 'ip6':
      return networkOf(kind, result, rest)
    case 'a':
    case 'mx':
      return hostsOf(kind, result, rest)
    case 'include':
    case 'exists':
    case 'ptr': {
      const target = kind === 'ptr' && rest === '' ? itself : targetOf(rest)
      return target === undefined ? undefined : { kind, result, target }
    }
    default:
      return undefined
  }
}

/** `":" domain-spec` */
function targetOf(text: string): MacroString | undefined {
  return text.startsWith(':') ? parseDomainSpec(text.slice(1)) : undefined
}

/** §5.6 */
function networkOf(kind: 'ip4' | 'ip6', result: Qualifier, rest: string): Mechanism | undefined {
  const slash = rest.indexOf('/')
  const text = rest.slice(1, slash < 0 ? rest.length : slash)
  const network = kind === 'ip4' ? parseIPv4(text) : parseIPv6(text)
  if (!rest.startsWith(':') || network === undefined) return undefined
  const prefix = prefixOf(slash < 0 ? undefined : rest.slice(slash + 1), bitsOf(network))
  return prefix === undefined ? undefined : { kind: 'ip', result, network, prefix }
}

const dualCidr = /^(.*?)(?:\/(\d+))?(?:\/\/(\d+))?$/

/** §5.3, §5.4: `[ ":" domain-spec ] [ dual-cidr-length ]` */
function hostsOf(kind: 'a' | 'mx', result: Qualifier, rest: string): Mechanism | undefined {
  const [, name = '', four, six] = dualCidr.exec(rest) ?? []
  const target = name === '' ? itself : targetOf(name)
  const prefix4 = prefixOf(four, 32)
  const prefix6 = prefixOf(six, 128)
  if (target === undefined || prefix4 === undefined || prefix6 === undefined) return undefined
  return { kind, result, target, prefixes: [prefix4, prefix6] }
}

/** Up to `most`, without zeros in front; `most` where nothing is written. */
function prefixOf(digits: string | undefined, most: number): number | undefined {
  if (digits === undefined) return most
  return /^(?:0|[1-9]\d{0,2})$/.test(digits) && Number(digits) <= most ? Number(digits) : undefined
}
