/** A real Redis for tests: a redis-server of its own on a unix socket, which can be killed and started again. */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { Redis } from 'ioredis'

export type RunningRedis = {
  /** The `redis` option's form of its place. */
  readonly place: string
  readonly cli: (...args: string[]) => Promise<string>
  /** SIGKILL: what was not on disk is gone. */
  readonly kill: () => Promise<void>
  readonly pause: () => void
  readonly resume: () => void
  /** Starts it again, empty: it keeps nothing on disk. */
  readonly start: () => Promise<void>
}

const run = promisify(execFile)
const started = new Set<{ directory: string; child?: ChildProcess }>()

/** `port`: on TCP instead of a socket, and not started yet. `more`: further arguments. */
export async function startRedis({
  port,
  more = [],
}: {
  port?: number
  more?: readonly string[]
} = {}): Promise<RunningRedis> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-redis-'))
  const socket = join(directory, 's')
  const own: { directory: string; child?: ChildProcess } = { directory }
  started.add(own)
  const listen = port === undefined ? ['--port', '0'] : ['--port', `${port}`, '--bind', '127.0.0.1']
  const self: RunningRedis = {
    place: port === undefined ? `unix:${socket}` : `redis://127.0.0.1:${port}`,
    cli: (...args) => redisCli(socket, ...args),
    async kill() {
      const { child } = own
      if (child === undefined) return
      delete own.child
      const exited = once(child, 'exit')
      child.kill('SIGKILL')
      await exited
    },
    pause: () => void own.child?.kill('SIGSTOP'),
    resume: () => void own.child?.kill('SIGCONT'),
    async start() {
      const args = [...listen, '--unixsocket', socket, '--dir', directory, '--save', '', ...more]
      own.child = spawn('redis-server', args, { stdio: 'ignore' })
      const client = new Redis({
        path: socket,
        retryStrategy: () => 20,
        maxRetriesPerRequest: null,
      })
      client.on('error', () => {})
      await client.ping()
      client.disconnect()
    },
  }
  if (port === undefined) await self.start()
  return self
}

/** For afterEach/afterAll. */
export function stopRedis(): void {
  for (const { child, directory } of started) {
    child?.kill('SIGKILL')
    rmSync(directory, { recursive: true, force: true })
  }
  started.clear()
}

/** The entries of a stream, oldest first, each as its fields. */
export async function streamOf(
  redis: Pick<RunningRedis, 'cli'>,
  stream: string,
): Promise<Record<string, string>[]> {
  const entries = JSON.parse(await redis.cli('--json', 'XRANGE', stream, '-', '+')) as [
    string,
    string[],
  ][]
  return entries.map(([, texts]) => {
    const fields: Record<string, string> = {}
    for (let at = 0; at < texts.length; at += 2) fields[texts[at] ?? ''] = texts[at + 1] ?? ''
    return fields
  })
}

/** `redis-cli` through a server's socket. */
export async function redisCli(socket: string, ...args: string[]): Promise<string> {
  const { stdout } = await run('redis-cli', ['-s', socket, ...args])
  return stdout.trim()
}
