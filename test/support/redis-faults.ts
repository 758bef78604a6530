/** What may become of a Redis that is not ours, done to a real one behind a proxy; for e2e tests and torture. */
import { freePort } from './load.ts'
import { type RunningRedis, startRedis } from './redis.ts'
import { type SlowProxy, startSlowProxy } from './slow-proxy.ts'

export type FaultyRedis = {
  /** The `redis` option that leads to it. */
  readonly place: string
  readonly redis: RunningRedis
  readonly proxy: SlowProxy
  /** Another one, empty, that it may be made a replica of. */
  readonly masterPort: number
}

export async function startFaultyRedis(): Promise<FaultyRedis> {
  const [port, masterPort] = [await freePort(), await freePort()]
  const redis = await startRedis({ port })
  const master = await startRedis({ port: masterPort })
  await Promise.all([redis.start(), master.start()])
  const proxy = await startSlowProxy(port)
  return { place: `redis://127.0.0.1:${proxy.port}`, redis, proxy, masterPort }
}

export type RedisFault = {
  readonly name: string
  readonly why: string
  /** Whether nothing can be delivered while it lasts. */
  readonly stops: boolean
  /** What /readyz says of it meanwhile. */
  readonly told?: RegExp
  readonly begin: (faulty: FaultyRedis) => Promise<unknown>
  readonly end: (faulty: FaultyRedis) => Promise<unknown>
}

export const redisFaults: readonly RedisFault[] = [
  {
    name: 'stopped',
    why: 'as for an upgrade; it comes back empty',
    stops: true,
    begin: ({ redis }) => redis.kill(),
    end: ({ redis }) => redis.start(),
  },
  {
    name: 'hangs',
    why: 'takes every question and answers none',
    stops: true,
    begin: async ({ redis }) => redis.pause(),
    end: async ({ redis }) => redis.resume(),
  },
  {
    name: 'flushed',
    why: 'another program that shares it empties it',
    stops: false,
    begin: ({ redis }) => redis.cli('FLUSHALL'),
    end: ({ redis }) => redis.cli('FLUSHALL'),
  },
  {
    name: 'out of memory',
    why: 'every command that writes is refused: OOM',
    stops: true,
    told: /^redis: the Redis at \S+ is full: raise its maxmemory \(1\); mail is accepted/m,
    begin: ({ redis }) => redis.cli('CONFIG', 'SET', 'maxmemory', '1'),
    end: ({ redis }) => redis.cli('CONFIG', 'SET', 'maxmemory', '0'),
  },
  {
    name: 'a read-only replica',
    why: 'a failover the wrong way: the data of the master, here none, and READONLY',
    stops: true,
    told: /^redis: the Redis at \S+ is a read-only replica: .* its master.*; mail is accepted/m,
    begin: ({ redis, masterPort }) => redis.cli('REPLICAOF', '127.0.0.1', `${masterPort}`),
    end: ({ redis }) => redis.cli('REPLICAOF', 'NO', 'ONE'),
  },
  {
    name: 'slow',
    why: '100 ms for each command',
    stops: false,
    begin: async ({ proxy }) => proxy.delay(100),
    end: async ({ proxy }) => proxy.delay(0),
  },
]
