/**
 * DNS as the terms of a record ask it: for the client's addresses, its names, a domain's hosts; never more than
 * RFC 7208 §4.6.4 lets them. Failures are outcomes, not exceptions.
 */
import type { Resolve } from '../../dns/resolver.ts'
import { errorCode, isNoRecord } from '../../errors.ts'
import type { SpfResult } from '../../mail/verdict.ts'
import { type Address, inOneNetwork, parseIPv4, parseIPv6, reverseName } from './addresses.ts'

export type Outcome = {
  readonly result: SpfResult
  /** Of temperror and permerror: why. Has texts from DNS in it. */
  readonly problem?: string
}

/** One evaluation. */
export type Check = {
  readonly resolve: Resolve
  readonly address: Address
  readonly local: string
  /** Of the sender, where %{d} is that of the record. */
  readonly domain: string
  readonly helo: string
  lookups: number
  voids: number
}

/** §4.6.4: terms that ask DNS; answers without records; hosts of one `mx`; names of a client. */
const mostLookups = 10
const mostVoids = 2
const mostHosts = 10
const mostNames = 10

const tooManyLookups = permerror(`more than ${mostLookups} look-ups`)
const tooManyVoids = permerror(`more than ${mostVoids} look-ups without an answer`)
const tooManyHosts = permerror(`more than ${mostHosts} MX hosts`)

/** Of terms that ask, and of the macro that does: the outcome when there are too many of them. */
export function countTerm(check: Check): Outcome | undefined {
  check.lookups += 1
  return check.lookups > mostLookups ? tooManyLookups : undefined
}

/** Records, none or some, or why there is no telling. */
export type Answer = readonly unknown[] | Outcome

/** §4.6.4: asks for what a term is about. */
export async function lookUp(name: string, type: string, check: Check): Promise<Answer> {
  const answer = await recordsOf(name, type, check)
  if ('result' in answer || answer.length > 0) return answer
  check.voids += 1
  return check.voids > mostVoids ? tooManyVoids : answer
}

const nothing: readonly unknown[] = []

/** Nothing is found where there is no such name or no such record. */
export async function recordsOf(name: string, type: string, { resolve }: Check): Promise<Answer> {
  try {
    const records = await resolve(name, type)
    return Array.isArray(records) ? records : nothing
  } catch (error) {
    if (isNoRecord(error)) return nothing
    const code = errorCode(error) ?? 'EUNKNOWN'
    const problem = `${type} of ${name}: ${code}`
    return code === 'EBADNAME' ? permerror(problem) : temperror(problem)
  }
}

export function addressType({ address }: Check): 'A' | 'AAAA' {
  return address.length === 1 ? 'A' : 'AAAA'
}

/** §5.3: of addresses, whether one is in one network with the client's. */
export function includesClient(
  answer: Answer,
  [four, six]: readonly [number, number],
  { address }: Check,
): boolean | Outcome {
  if ('result' in answer) return answer
  const [parse, prefix] = address.length === 1 ? [parseIPv4, four] : [parseIPv6, six]
  return answer.some((each) => {
    const other = parse(String(each))
    return other !== undefined && inOneNetwork(address, other, prefix)
  })
}

/** §5.4, by preference. The null MX (RFC 7505) has no host. */
export async function mxIncludesClient(
  answer: Answer,
  prefixes: readonly [number, number],
  check: Check,
): Promise<boolean | Outcome> {
  if ('result' in answer) return answer
  const hosts = (answer as readonly { readonly exchange: string; readonly priority: number }[])
    .toSorted((one, other) => one.priority - other.priority)
    .map(({ exchange }) => exchange.replace(/\.$/, ''))
    .filter((exchange) => exchange !== '')
  for (const host of hosts.slice(0, mostHosts)) {
    const found = includesClient(await recordsOf(host, addressType(check), check), prefixes, check)
    if (found !== false) return found
  }
  return hosts.length > mostHosts ? tooManyHosts : false
}

/** §5.5: names of the client that have its address. Failing to find them is to find none. */
export async function validatedNames(check: Check): Promise<readonly string[] | Outcome> {
  const answer = await lookUp(reverseName(check.address), 'PTR', check)
  if (answer === tooManyVoids) return tooManyVoids
  const names = 'result' in answer ? [] : answer.slice(0, mostNames)
  const valid = await Promise.all(
    names.map(async (name) => {
      const addresses = await recordsOf(String(name), addressType(check), check)
      return includesClient(addresses, [32, 128], check) === true
    }),
  )
  return names.filter((_, index) => valid[index]).map((name) => String(name).replace(/\.$/, ''))
}

export function temperror(problem: string): Outcome {
  return { result: 'temperror', problem }
}

export function permerror(problem: string): Outcome {
  return { result: 'permerror', problem }
}
