/**
 * IP filters in SES's shape: which client addresses are refused. Allow wins over Block however long
 * the two prefixes are, which SES's recipe of Block 0.0.0.0/0 with Allow filters needs; of several
 * filters with one policy the longest prefix is told. Looking up costs the same with ten filters as
 * with a hundred thousand. Pure. SES: IP filters (reference §3)
 */
import { type Family, networkOf, parseAddress, parseBlock } from './address.ts'

export type Policy = 'Allow' | 'Block'

/** A member of `Filters`, as `aws ses list-receipt-filters` prints it. */
export type IpFilter = {
  readonly Name: string
  readonly IpFilter: { readonly Policy: Policy; readonly Cidr: string }
}

export type FilterMatch = { readonly name: string; readonly policy: Policy; readonly cidr: string }

export type CompiledFilters = {
  /** The filter that decides about an address; none decides about what is no address. */
  readonly find: (ip: string) => FilterMatch | undefined
}

/** One family's filters of one policy: those of each prefix length by their network. */
type Lengths = Map<number, Map<bigint, FilterMatch>>

/** Compiles filters that `readFilters` has accepted. */
export function compileFilters(filters: readonly IpFilter[]): CompiledFilters {
  const tables = new Map<string, Lengths>()
  for (const { Name, IpFilter } of filters) {
    const block = parseBlock(IpFilter.Cidr)
    if (typeof block === 'string') throw new TypeError(`filter ${Name}: Cidr ${block}`)
    const lengths = entry(tables, key(IpFilter.Policy, block.family), () => new Map())
    const networks = entry(lengths, block.prefix, () => new Map<bigint, FilterMatch>())
    const match = { name: Name, policy: IpFilter.Policy, cidr: IpFilter.Cidr }
    entry(networks, networkOf(block, block.prefix), () => match)
  }
  const longestFirst = new Map(
    [...tables].map(([name, lengths]) => [
      name,
      [...lengths].sort(([one], [other]) => other - one),
    ]),
  )
  return {
    find(ip) {
      const address = parseAddress(ip)
      if (address === undefined) return undefined
      for (const policy of ['Allow', 'Block'] as const) {
        for (const [prefix, networks] of longestFirst.get(key(policy, address.family)) ?? []) {
          const match = networks.get(networkOf(address, prefix))
          if (match !== undefined) return match
        }
      }
      return undefined
    },
  }
}

function key(policy: Policy, family: Family): string {
  return `${policy} ${family}`
}

function entry<K, V>(map: Map<K, V>, name: K, make: () => V): V {
  const known = map.get(name)
  if (known !== undefined) return known
  const made = make()
  map.set(name, made)
  return made
}
