/**
 * What each client has taken of this process: connections now, and connections, messages and recipients
 * in this minute. A client is an IPv4 address or the /64 of an IPv6 one, since everybody has 2^64 of those.
 * Every question costs the same, however many clients there are, and the tables are bounded: of
 * connections by their number, of the minute by `maxClients`. Pure but for the clock.
 */
import { isIn, networkOf, parseAddress, parseBlock } from '../filters/address.ts'

export type ClientLimits = {
  /** Addresses and networks that nothing is counted of, but for the connections in all. */
  readonly exempt: readonly string[]
  readonly maxConnections: number
  readonly maxConnectionsPerAddress: number
  readonly maxConnectionsPerMinute: number
  readonly maxMessagesPerMinute: number
  readonly maxRecipientsPerMinute: number
}

export type Overdrawn = 'connections' | 'connections-of-client' | 'connections-in-minute'

export type Clients = {
  /** Counts a connection; not when it answers why there must be no other. */
  readonly enter: (ip: string) => Overdrawn | undefined
  /** The end of a connection that was counted. */
  readonly leave: (ip: string) => void
  /** Counts one, and whether it is still within the limit. */
  readonly mayMail: (ip: string) => boolean
  readonly mayRcpt: (ip: string) => boolean
  readonly connections: () => number
}

/** What a client can be over its limit of, as the log says it. */
export type Counted = 'connections' | 'connections at a time' | 'messages' | 'recipients'

/** Some 100 octets each. Beyond, those that have been quiet longest are forgotten: they may begin anew. */
const maxClients = 50_000

type InMinute = Record<Counted, number>

/** `tell` hears of a client that is over a limit, once in a minute. */
export function clients(
  limits: ClientLimits,
  tell: (ip: string, what: Counted) => void = () => {},
  now: () => number = Date.now,
): Clients {
  const exempt = limits.exempt.map(parseBlock).filter((each) => typeof each !== 'string')
  const open = new Map<string, number>()
  let recent = new Map<string, InMinute>()
  /** Those that were counted before `recent` was begun; who comes again is moved there. */
  let older = new Map<string, InMinute>()
  let connections = 0
  let minute = 0

  /** `undefined`: nothing is counted of this one. */
  function clientOf(ip: string): string | undefined {
    const address = parseAddress(ip)
    if (address === undefined) return ip
    if (exempt.some((block) => isIn(block, address))) return undefined
    return address.family === 4 ? `${address.value}` : `/64 ${networkOf(address, 64)}`
  }

  function inMinute(client: string): InMinute {
    const current = Math.floor(now() / 60_000)
    if (current !== minute) {
      minute = current
      recent = new Map()
      older = new Map()
    }
    const found = recent.get(client)
    if (found !== undefined) return found
    if (recent.size >= maxClients / 2) {
      older = recent
      recent = new Map()
    }
    const kept = older.get(client)
    const counts = kept ?? {
      connections: 0,
      'connections at a time': 0,
      messages: 0,
      recipients: 0,
    }
    recent.set(client, counts)
    return counts
  }

  function count(ip: string, what: Counted, limit: number): boolean {
    const client = clientOf(ip)
    if (client === undefined) return true
    const of = inMinute(client)
    of[what] += 1
    if (of[what] === limit + 1) tell(ip, what)
    return of[what] <= limit
  }

  return {
    enter(ip) {
      if (connections >= limits.maxConnections) return 'connections'
      if (!count(ip, 'connections', limits.maxConnectionsPerMinute)) return 'connections-in-minute'
      const client = clientOf(ip)
      if (client !== undefined) {
        const opened = open.get(client) ?? 0
        if (opened >= limits.maxConnectionsPerAddress) {
          count(ip, 'connections at a time', 0)
          return 'connections-of-client'
        }
        open.set(client, opened + 1)
      }
      connections += 1
      return undefined
    },
    leave(ip) {
      connections -= 1
      const client = clientOf(ip)
      if (client === undefined) return
      const left = (open.get(client) ?? 1) - 1
      if (left > 0) open.set(client, left)
      else open.delete(client)
    },
    mayMail: (ip) => count(ip, 'messages', limits.maxMessagesPerMinute),
    mayRcpt: (ip) => count(ip, 'recipients', limits.maxRecipientsPerMinute),
    connections: () => connections,
  }
}
