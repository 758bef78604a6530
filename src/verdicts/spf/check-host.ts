/**
 * SPF: may this client send for that domain? Promises a result whatever sender, records and DNS hold. At most ten
 * terms of all records together ask DNS, and each for ten hosts more: of eleven records and 111 questions it is at
 * the end, whatever refers to what. Explanations are never asked for: nobody would read them.
 * RFC 7208, RFC 8616 §4
 */
import type { Resolve } from '../../dns/resolver.ts'
import { asciiName, isAtOrBelow, isSameName } from '../names.ts'
import { clientAddress, dotted, inOneNetwork, reverseZone } from './addresses.ts'
import {
  addressType,
  type Check,
  countTerm,
  includesClient,
  lookUp,
  mxIncludesClient,
  type Outcome,
  permerror,
  recordsOf,
  temperror,
  validatedNames,
} from './asking.ts'
import { expand, type MacroString, uses } from './macros.ts'
import { isDomain, plainDomain, targetName } from './names.ts'
import { type Asking, parseRecord, spfTexts } from './record.ts'

export type Client = {
  readonly ip: string
  /** The reverse-path; of the null one HELO is judged (§2.4). */
  readonly sender: string
  readonly helo: string
}

export type Checked = Outcome & {
  /** What was judged, as DNS has it. */
  readonly domain: string
  /** With the local part that is taken where there is none (§4.3). */
  readonly sender: string
}

const none: Outcome = { result: 'none' }
const neutral: Outcome = { result: 'neutral' }

/** RFC 7208 §4 */
export async function checkHost({ ip, sender, helo }: Client, resolve: Resolve): Promise<Checked> {
  const at = sender.lastIndexOf('@')
  const local = at > 0 ? sender.slice(0, at) : 'postmaster'
  const given = sender === '' ? helo : sender.slice(at + 1)
  const domain = plainDomain(given)
  const judged = { domain, sender: at > 0 ? sender : `${local}@${given}` }
  const address = clientAddress(ip)
  if (address === undefined) return { ...temperror('no IP address of the client'), ...judged }
  if (!isDomain(domain)) return { ...none, ...judged }
  const check = { resolve, address, local, domain, helo, lookups: 0, voids: 0 }
  return { ...(await evaluate(domain, check)), ...judged }
}

/** §4.4 to §4.7: what the record of `domain` says. */
async function evaluate(domain: string, check: Check): Promise<Outcome> {
  const answer = await recordsOf(domain, 'TXT', check)
  if ('result' in answer) return answer
  const [text, ...others] = spfTexts(answer)
  if (text === undefined) return none
  if (others.length > 0) return permerror(`${domain} has several SPF records`)
  const record = parseRecord(text)
  if (typeof record === 'string') return permerror(`${record} (${domain})`)
  for (const mechanism of record.mechanisms) {
    const matches =
      mechanism.kind === 'all' ||
      (mechanism.kind === 'ip'
        ? inOneNetwork(check.address, mechanism.network, mechanism.prefix)
        : await matchesByDns(mechanism, domain, check))
    if (typeof matches === 'object') return matches
    if (matches) return { result: mechanism.result }
  }
  if (record.redirect === undefined) return neutral
  // §6.1
  const tooMany = countTerm(check)
  if (tooMany !== undefined) return tooMany
  if (isUnusable(record.redirect, check)) return permerror(`no name to refer to (${domain})`)
  return referred(record.redirect, domain, check)
}

/** §5.2 to §5.7: whether the client matches, or why that can't be said. */
async function matchesByDns(
  mechanism: Asking,
  domain: string,
  check: Check,
): Promise<boolean | Outcome> {
  const { kind, target } = mechanism
  const tooMany = countTerm(check)
  if (tooMany !== undefined) return tooMany
  if (isUnusable(target, check)) return false
  if (kind === 'include') {
    const outcome = await referred(target, domain, check)
    return isError(outcome) ? outcome : outcome.result === 'pass'
  }
  const name = await nameOf(target, domain, check)
  if (typeof name === 'object') return name
  if (name === undefined) return false
  switch (kind) {
    case 'a':
    case 'mx': {
      const answer = await lookUp(name, kind === 'mx' ? 'MX' : addressType(check), check)
      const includes = kind === 'mx' ? mxIncludesClient : includesClient
      return includes(answer, mechanism.prefixes, check)
    }
    case 'exists': {
      const answer = await lookUp(name, 'A', check)
      return 'result' in answer ? answer : answer.length > 0
    }
    case 'ptr': {
      const names = await validatedNames(check)
      return 'result' in names ? names : names.some((each) => isAtOrBelow(each, name))
    }
  }
}

/** RFC 8616 §4: a local part that is not ASCII can't be in a name. */
function isUnusable(spec: MacroString, { local }: Check): boolean {
  return uses(spec, 'sl') && /[^\x00-\x7f]/.test(local)
}

/** §5.2, §6.1: what the record of another domain says, which has to have one. */
async function referred(spec: MacroString, domain: string, check: Check): Promise<Outcome> {
  const name = await nameOf(spec, domain, check)
  if (typeof name === 'object') return name
  if (name === undefined) return permerror(`no name to refer to (${domain})`)
  const outcome = await evaluate(name, check)
  return outcome.result === 'none' ? permerror(`${name} has no SPF record`) : outcome
}

/** §4.8: the name that a term of `domain` is about; `undefined` when it is malformed. */
async function nameOf(
  spec: MacroString,
  domain: string,
  check: Check,
): Promise<string | undefined | Outcome> {
  if (spec.length === 0) return domain
  const [only] = spec
  if (spec.length === 1 && typeof only === 'string') return targetName(only)
  let p = ''
  if (uses(spec, 'p')) {
    // §4.6.4: its look-up is one of the ten, too.
    const tooMany = countTerm(check)
    if (tooMany !== undefined) return tooMany
    const names = await validatedNames(check)
    if ('result' in names) return names
    p = bestName(names, domain)
  }
  const { address, local, domain: o, helo } = check
  const values = {
    s: `${local}@${o}`,
    l: local,
    o,
    d: domain,
    i: dotted(address),
    p,
    v: reverseZone(address),
    h: asciiName(helo),
  }
  return targetName(expand(spec, values))
}

/** §7.3, `p`: the domain itself, else a name below it, else any. */
function bestName(names: readonly string[], domain: string): string {
  return (
    names.find((each) => isSameName(each, domain)) ??
    names.find((each) => isAtOrBelow(each, domain)) ??
    names[0] ??
    'unknown'
  )
}

function isError({ result }: Outcome): boolean {
  return result === 'temperror' || result === 'permerror'
}
