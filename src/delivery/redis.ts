/**
 * Connections to Redis. Redis is an index that may be lost (D§2.2): nothing here decides whether mail
 * is kept. A client for adding jobs fails at once when Redis is away, a worker's waits for it
 * (pitfalls P68).
 */
import { Cluster, Redis, type RedisOptions } from 'ioredis'
import { log } from '../log.ts'

type Tls = { readonly tls: boolean; readonly username?: string; readonly password?: string }

/** The `redis` option, `embedded` replaced by the socket of the child server. */
export type RedisPlace =
  | string
  | (Tls & {
      readonly sentinels: readonly { readonly host: string; readonly port: number }[]
      readonly name: string
      readonly sentinelUsername?: string
      readonly sentinelPassword?: string
      readonly db: number
    })
  | (Tls & { readonly cluster: readonly { readonly host: string; readonly port: number }[] })

/** How a client behaves while Redis is away; `fails-soon`: a first connection is waited for. */
export type Patience = 'fails-fast' | 'fails-soon' | 'waits'

/**
 * Silence after a question that means that Redis is gone. The kernel takes a quarter of an hour to find
 * that a machine which lost its power does not answer. A worker's own questions are answered within 10 s
 * (BullMQ's longest blocking wait).
 */
const silentMs = 15_000

/** A client that keeps trying to connect, and says once when Redis goes and when it is back. */
export function connectRedis(place: RedisPlace, patience: Patience): Redis | Cluster {
  const common: RedisOptions = {
    maxRetriesPerRequest: patience === 'waits' ? null : 1,
    enableOfflineQueue: patience !== 'fails-fast',
    connectTimeout: 5000,
    socketTimeout: silentMs,
    // One that hangs takes the question and never answers; a worker's own commands block for long.
    ...(patience === 'fails-soon' ? { commandTimeout: silentMs } : {}),
    // At most two seconds between attempts: that is how soon delivery goes on when Redis is back.
    retryStrategy: (times) => Math.min(100 * 2 ** Math.min(times, 5), 2000),
  }
  const client = open(place, common)
  reportOutages(client, describePlace(place))
  return client
}

function open(place: RedisPlace, common: RedisOptions): Redis | Cluster {
  if (typeof place === 'string') {
    return place.startsWith('unix:')
      ? new Redis({ ...common, path: place.slice('unix:'.length).replace(/^\/\/(?=\/)/, '') })
      : new Redis(place, common)
  }
  const { username, password } = place
  const login = {
    ...(username === undefined ? {} : { username }),
    ...(password === undefined ? {} : { password }),
    ...(place.tls ? { tls: {} } : {}),
  }
  if ('cluster' in place) {
    return new Cluster([...place.cluster], {
      redisOptions: { ...common, ...login },
      enableOfflineQueue: common.enableOfflineQueue ?? true,
    })
  }
  const { sentinels, name, db, sentinelUsername, sentinelPassword } = place
  return new Redis({
    ...common,
    ...login,
    sentinels: [...sentinels],
    name,
    db,
    ...(sentinelUsername === undefined ? {} : { sentinelUsername }),
    ...(sentinelPassword === undefined ? {} : { sentinelPassword }),
  })
}

/** Where Redis is, for a log line: no user, no password. */
export function describePlace(place: RedisPlace): string {
  if (typeof place !== 'string') {
    const nodes = 'cluster' in place ? place.cluster : place.sentinels
    return nodes.map(({ host, port }) => `${host}:${port}`).join(', ')
  }
  return place.replace(/\/\/[^@/]*@/, '//').replace(/\?.*$/, '')
}

/** What keeps a Redis that answers from being a queue, each in a sentence. */
export type RedisTroubles = {
  /** It may throw jobs away, so that mail waits for the sweep (pitfalls P60); with the remedy. */
  readonly evicts?: string
  /** It takes no jobs now. */
  readonly refuses?: string
}

/** Rejects when there is no answer. Asks INFO: CONFIG is refused by many who run Redis for others. */
export async function redisTroubles(
  client: Redis | Cluster,
  place: RedisPlace,
): Promise<RedisTroubles> {
  const info = await client.info()
  const field = (name: string): string =>
    new RegExp(`^${name}:([\\w-]+)`, 'm').exec(info)?.[1] ?? ''
  const at = `the Redis at ${describePlace(place)}`
  const policy = field('maxmemory_policy')
  const limit = Number(field('maxmemory'))
  const refuses =
    limit > 0 && Number(field('used_memory')) > limit
      ? `${at} is full: raise its maxmemory (${limit})`
      : field('role') === 'slave' && field('slave_read_only') === '1'
        ? `${at} is a read-only replica: set redis in postern.yaml to its master, or to its sentinels`
        : undefined
  return {
    ...(policy !== '' && policy !== 'noeviction'
      ? {
          evicts: `${at} has maxmemory-policy ${policy} and may throw away what waits to be delivered: redis-cli CONFIG SET maxmemory-policy noeviction, and the same in its redis.conf`,
        }
      : {}),
    ...(refuses === undefined ? {} : { refuses }),
  }
}

function reportOutages(client: Redis | Cluster, where: string): void {
  let away = false
  let reason = ''
  client.on('error', (error: Error) => {
    reason = error.message || error.name
  })
  // Not `close`, which our own disconnect() emits, too.
  client.on('reconnecting', () => {
    if (away) return
    away = true
    log.warn(
      { redis: where, reason },
      `Redis at ${where} does not answer; mail is still accepted and kept in the spool, and delivered when Redis is back`,
    )
  })
  client.on('ready', () => {
    if (away) log.info({ redis: where }, `Redis at ${where} is back`)
    away = false
  })
}
