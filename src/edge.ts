/**
 * The SMTP side put together: what the plugins of one process share. Made once per process, before
 * Haraka loads the plugins, which find it with `edge()`.
 */
import type { Config } from './config/options.ts'
import { openQueue } from './delivery/queue.ts'
import { connectRedis, type RedisPlace } from './delivery/redis.ts'
import { type Dns, openDns } from './dns/resolver.ts'
import { describeError } from './errors.ts'
import { type Blocklists, openBlocklists } from './filters/blocklists.ts'
import { waitedMs } from './haraka/turns.ts'
import { type Clients, clients } from './limits/clients.ts'
import { type Lag, lag } from './limits/lag.ts'
import { type MemoryBudget, memoryBudget } from './limits/memory.ts'
import { log } from './log.ts'
import { openChecks } from './roles/checks.ts'
import { openRules, type RulesInForce } from './roles/live-rules.ts'
import { queueOwner } from './roles/queue-owner.ts'
import { type FreeSpace, freeSpace } from './spool/free-space.ts'
import { Spool } from './spool/spool.ts'
import type { Checks } from './verdicts/judge.ts'

export type Edge = {
  readonly config: Config
  /** The rules as they are now: asked once for each message, at its beginning. */
  readonly rules: () => RulesInForce
  readonly spool: Spool
  readonly space: FreeSpace
  /** What clients, and all sessions together, have taken of this process. */
  readonly clients: Clients
  readonly memory: MemoryBudget
  readonly lag: Lag
  /** Who may not send: IP filters and DNS lists. */
  readonly blocklists: Blocklists
  /** The checks that every message goes through. */
  readonly checks: Checks
  /** The PTR name of a client, `undefined` when it has none or DNS does not tell in time. */
  readonly reverseName: (ip: string) => Promise<string | undefined>
  /** Tells the worker of a committed entry. Never fails: what Redis misses the worker's sweep finds. */
  readonly announce: (id: string) => void
  readonly close: () => Promise<void>
}

let current: Edge | undefined

/** The edge of this process. */
export function edge(): Edge {
  if (current === undefined) throw new Error('openEdge() has not been called in this process')
  return current
}

/**
 * `again`: this process takes the place of one that died. Throws `UserError` for a rule set that can't be
 * used, the system's error for an unusable dataDir.
 */
export async function openEdge(config: Config, redis: RedisPlace, again: boolean): Promise<Edge> {
  const rules = openRules(config, again)

  const spool = openSpool(config.dataDir)
  const space = freeSpace(config.dataDir, config.spool)
  await space.refresh()

  const dns = openDns(config.dns)
  // A probe asks what a list says now.
  const uncached = openDns({ ...config.dns, cacheEntries: 0 })
  const blocklists = openBlocklists({
    ...config.blocklists,
    filters: { find: (ip) => rules.current().filters.find(ip) },
    timeoutMs: config.dns.timeoutMs,
    resolve: dns.resolve,
    probe: uncached.resolve,
  })
  const checks = openChecks(config, dns)

  const { limits } = config.smtp
  const lateness = lag(waitedMs)

  const client = connectRedis(redis, 'fails-fast')
  const queue = openQueue(client, queueOwner(config))

  current = {
    config,
    rules: rules.current,
    spool,
    space,
    clients: clients(limits, (ip, what) => log.warn({ ip, what }, 'A client is over its limit')),
    memory: memoryBudget(limits.maxMemoryBytes),
    lag: lateness,
    blocklists,
    checks,
    reverseName: (ip) => reverseName(dns, ip),
    announce: queue.announce,
    async close() {
      client.disconnect()
      lateness.stop()
      rules.close()
      blocklists.close()
      uncached.close()
      dns.close()
      // What the disk does not take now is in the journal, and told; the next start finds it there.
      await spool.settle().catch(notSettled)
      spool.close()
    },
  }
  return current
}

/** Its journal makes it fast; without one it is as safe. */
function openSpool(dataDir: string): Spool {
  const spool = new Spool(dataDir)
  try {
    spool.openJournal(notSettled)
  } catch (error) {
    log.warn(
      { reason: describeError(error) },
      'No journal can be made: each message is fsynced by itself',
    )
  }
  return spool
}

function notSettled(error: unknown): void {
  log.error(
    { reason: describeError(error) },
    'Accepted mail is on disk in spool/journal only, the disk does not take it otherwise; it is tried again',
  )
}

async function reverseName(dns: Dns, ip: string): Promise<string | undefined> {
  try {
    const [name] = await dns.reverse(ip)
    return name === undefined || name === '' ? undefined : name
  } catch {
    // No name, no answer, or an address that can't be asked for (pitfalls P28): not known.
    return undefined
  }
}
