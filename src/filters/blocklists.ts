/**
 * Who may not send, as far as the client's address tells: IP filters first, then DNS lists, all of
 * them at once. Promises: an answer within `timeoutMs`; an address that a filter or a DNS allow list
 * knows as good is refused by no list; a list that fails refuses nobody. Never throws.
 */
import { askList, type ListOptions, type Resolve, reasonOf } from './dnsbl.ts'
import type { CompiledFilters, FilterMatch } from './ip-filter.ts'
import { watchZones, type ZoneState } from './zones.ts'

export type Blocked =
  | ({ readonly by: 'filter' } & FilterMatch)
  | {
      readonly by: 'list'
      readonly zone: string
      readonly answers: readonly string[]
      /** The list's own words as visible ASCII, '' when there are none. */
      readonly reason: string
    }

export type Blocklists = {
  /** What refuses mail from this address, `undefined` when nothing does; at once where no list is asked. */
  readonly check: (ip: string) => Blocked | undefined | Promise<Blocked | undefined>
  readonly zones: () => readonly ZoneState[]
  readonly close: () => void
}

export type BlocklistOptions = {
  readonly filters: CompiledFilters
  readonly dnsbl: readonly ListOptions[]
  readonly dnswl: readonly ListOptions[]
  readonly probeSeconds: number
  readonly timeoutMs: number
  readonly resolve: Resolve
  /** Like `resolve`, without a cache. */
  readonly probe: Resolve
}

export function openBlocklists(options: BlocklistOptions): Blocklists {
  const { filters, dnsbl, dnswl, probeSeconds, timeoutMs, resolve, probe } = options
  const zones = watchZones([...dnsbl, ...dnswl], probe, probeSeconds)

  /** The answers of a list that has the address; `undefined` also when it can't be asked. */
  async function listed(list: ListOptions, ip: string): Promise<readonly string[] | undefined> {
    if (!zones.isUp(list.zone)) return undefined
    const answer = await askList(resolve, list, ip)
    if (answer.kind === 'failed') zones.failed(list.zone, answer)
    return answer.kind === 'listed' ? answer.answers : undefined
  }

  async function onLists(ip: string): Promise<Blocked | undefined> {
    const deadline = performance.now() + timeoutMs
    const blocking = dnsbl.map(async (list): Promise<Blocked | undefined> => {
      const answers = await orAfter(timeoutMs, listed(list, ip), undefined)
      if (answers === undefined) return undefined
      // The question before may have taken most of the time: listed counts, with words or without.
      const left = Math.max(0, deadline - performance.now())
      const reason = await orAfter(left, reasonOf(resolve, list.zone, ip), '')
      return { by: 'list', zone: list.zone, answers, reason }
    })
    const allowing = dnswl.map((list) => orAfter(timeoutMs, listed(list, ip), undefined))
    const [blocked, allowed] = await Promise.all([Promise.all(blocking), Promise.all(allowing)])
    if (allowed.some((each) => each !== undefined)) return undefined
    return blocked.find((each) => each !== undefined)
  }

  return {
    check(ip) {
      const filter = filters.find(ip)
      if (filter?.policy === 'Allow') return undefined
      if (filter?.policy === 'Block') return { by: 'filter', ...filter }
      return dnsbl.some(({ zone }) => zones.isUp(zone)) ? onLists(ip) : undefined
    },
    zones: zones.states,
    close: zones.close,
  }
}

/** What `work` gives, or `instead` where it takes longer. */
async function orAfter<T, U>(ms: number, work: Promise<T>, instead: U): Promise<T | U> {
  const late = Promise.withResolvers<U>()
  const timer = setTimeout(() => late.resolve(instead), ms).unref()
  try {
    return await Promise.race([work, late.promise])
  } finally {
    clearTimeout(timer)
  }
}
