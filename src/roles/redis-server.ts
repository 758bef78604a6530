/**
 * `redis: embedded`: a child redis-server on a unix socket in dataDir, with an append-only file. It
 * dies with its parent, however that dies.
 */
import { type ChildProcess, spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { createConnection } from 'node:net'
import { join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import type { Config } from '../config/options.ts'
import type { RedisPlace } from '../delivery/redis.ts'
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
  const { connectRedis, redisTroubles } = await import('../delivery/redis.ts')
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
  // Answers by closing the connection once its file is synced, however long that takes. Mostly nobody listens.
  await answerOf(socket, 'SHUTDOWN NOSAVE').catch(() => {})
}

/** Resolves when the server answers; rejects after `deadlineMs`. */
export async function redisReady(config: Config, deadlineMs: number): Promise<void> {
  const socket = socketPath(config.dataDir)
  const deadline = performance.now() + deadlineMs
  // LOADING is answered until the append-only file is read.
  while (!(await answerOf(socket, 'PING', 5000).catch(() => '')).startsWith('+PONG')) {
    if (performance.now() > deadline) throw new Error(`the Redis at ${socket} does not answer`)
    await setTimeout(20)
  }
}

/**
 * The first of what a server says to an inline command, '' when it closes without a word. Two commands
 * are no reason to load a client: 0.14 s of CPU at each start.
 */
function answerOf(socket: string, command: string, patienceMs = 0): Promise<string> {
  return new Promise((resolve, reject) => {
    const connection = createConnection(socket, () => connection.write(`${command}\r\n`))
    connection.setTimeout(patienceMs, () => connection.destroy())
    connection.once('error', reject)
    connection.once('data', (answer) => {
      resolve(answer.toString('latin1'))
      connection.destroy()
    })
    connection.once('close', () => resolve(''))
  })
}
