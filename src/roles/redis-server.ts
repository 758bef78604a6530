/**
 * `redis: embedded`: a child redis-server on a unix socket in dataDir, with an append-only file. It
 * dies with its parent, however that dies.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { Redis } from 'ioredis'
import type { Config } from '../config/options.ts'
import { connectRedis, type RedisPlace, redisTroubles } from '../delivery/redis.ts'
import { UserError } from '../errors.ts'
import { dyingWithParent, socketIn } from './child.ts'
import { places } from './prepare.ts'
import { within } from './stop.ts'

/** Where the queue is: the configured Redis, or the embedded one's socket. */
export function redisPlace({ redis, dataDir }: Config): RedisPlace {
  return redis === 'embedded' ? `unix:${socketPath(dataDir)}` : redis
}

function socketPath(dataDir: string): string {
  return socketIn(places(dataDir).redis, 'redis.sock')
}

/** Throws `UserError` when there is no redis-server to run. */
export async function spawnRedis(dataDir: string): Promise<ChildProcess> {
  const directory = places(dataDir).redis
  const socket = socketPath(dataDir)
  for (const each of [directory, join(socket, '..')])
    mkdirSync(each, { recursive: true, mode: 0o700 })
  await stopOrphan(socket)
  const [command = '', ...rest] = [...dyingWithParent(), 'redis-server']
  const args = [
    ...['--port', '0', '--unixsocket', socket, '--unixsocketperm', '700', '--dir', directory],
    ...['--appendonly', 'yes', '--appendfsync', 'everysec', '--save', '', '--daemonize', 'no'],
    // P60: a queue that may evict its jobs is none.
    ...['--maxmemory-policy', 'noeviction', '--loglevel', 'warning'],
  ]
  const child = spawn(command, [...rest, ...args], {
    stdio: ['ignore', 'ignore', 'inherit'],
    detached: true,
  })
  await new Promise<void>((resolve, reject) => {
    child.once('spawn', resolve)
    child.once('error', () => reject(new UserError(missing)))
  })
  return child
}

const missing =
  'redis: embedded needs redis-server 7 or newer, which is not installed: apt-get install redis-server, or set redis: redis://HOST in postern.yaml.'

/** How long a start waits for the answer of a Redis that is not ours: one that is away is no reason not to. */
const policyMs = 3000

/** Throws `UserError` for a configured Redis that answers and may throw jobs away. */
export async function requireKeepingRedis(config: Config): Promise<void> {
  if (config.redis === 'embedded') return
  const client = connectRedis(config.redis, 'fails-soon')
  let problem: string | undefined
  const asked = redisTroubles(client, config.redis).then(
    ({ evicts }) => {
      problem = evicts
    },
    // Away, which its clients tell of.
    () => {},
  )
  await within(policyMs, asked)
  client.disconnect()
  if (problem !== undefined) throw new UserError(`redis: ${problem}.`)
}

/** Ends a server that an earlier run left behind: two must never write one append-only file. */
async function stopOrphan(socket: string): Promise<void> {
  const client = new Redis({ path: socket, lazyConnect: true, retryStrategy: () => null })
  client.on('error', () => {})
  try {
    await client.connect()
    // Answers by closing the connection once its file is synced.
    await client.shutdown('NOSAVE')
  } catch {
    // Nobody listens: the usual case. Or it has shut down, which is what was asked.
  } finally {
    client.disconnect()
  }
}

/** Resolves when the server answers; rejects after `deadlineMs`. */
export async function redisReady(place: RedisPlace, deadlineMs: number): Promise<void> {
  if (typeof place !== 'string') return
  const path = place.replace(/^unix:/, '')
  const client = new Redis({ path, retryStrategy: () => 50, maxRetriesPerRequest: null })
  client.on('error', () => {})
  const timer = setTimeout(() => client.disconnect(), deadlineMs)
  try {
    // LOADING is answered until the append-only file is read; ioredis waits for that.
    await client.ping()
  } finally {
    clearTimeout(timer)
    client.disconnect()
  }
}
