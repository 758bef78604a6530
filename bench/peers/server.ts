/** What all servers that are measured have in common, and how the peers among them are started and ended. */
import { type ChildProcess, spawn } from 'node:child_process'
import { closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs'
import { connect } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type Server = {
  readonly port: number
  /** The process that was started; all others of the server are below it. */
  readonly pid: number
  /** Does between rounds, unmeasured, what would be done all the time. */
  readonly rest?: () => Promise<void>
  readonly stop: () => Promise<void>
}

/** For one that neither ends nor answers. */
const patienceMs = 30_000

const started = new Set<() => Promise<void>>()

/** Ends every peer and removes what it wrote: at the end, and on any error. */
export async function stopPeers(): Promise<void> {
  await Promise.all([...started].map((stop) => stop()))
}

/** Nothing outlives a run that is ended, or that ends by a mistake of its own. */
export function stopWhenKilled(stop: () => Promise<void>): void {
  for (const event of ['SIGINT', 'SIGTERM', 'SIGHUP', 'uncaughtException'] as const) {
    process.once(event, () => void stop().finally(() => process.exit(1)))
  }
}

/** Has stopPeers end something that was not started here. The answer ends it before. */
export function endLater(end: () => Promise<void>): () => Promise<void> {
  const stop = async (): Promise<void> => {
    if (started.delete(stop)) await end()
  }
  started.add(stop)
  return stop
}

export function newDirectory(name: string): string {
  return mkdtempSync(join(tmpdir(), `postern-bench-${name}-`))
}

type Command = {
  readonly name: string
  /** Removed at the end; what the program prints goes to a file in it, as to a service's log. */
  readonly directory: string
  readonly command: readonly [string, ...string[]]
  readonly port: number
  /** Whether it is ready; else that it greets as SMTP servers do. */
  readonly answers?: (port: number) => Promise<boolean>
}

/** Resolves when it answers. Throws with what it printed when it ends instead. */
export async function startPeer({
  name,
  directory,
  command,
  port,
  answers = greets,
}: Command): Promise<Server> {
  const output = join(directory, 'output')
  const log = openSync(output, 'a')
  // A group of its own: whatever it has started ends with it.
  const child = spawn(command[0], command.slice(1), {
    stdio: ['ignore', log, log],
    detached: true,
    env: { ...process.env, NODE_ENV: undefined },
  })
  closeSync(log)
  const gone = new Promise<void>((resolve) => {
    child.once('exit', () => resolve())
    child.once('error', () => resolve())
  })
  const stop = endLater(async () => {
    killGroup(child)
    await gone
    rmSync(directory, { recursive: true, force: true, maxRetries: 5 })
  })
  let ended = false
  void gone.then(() => {
    ended = true
  })
  const until = performance.now() + patienceMs
  while (!(await answers(port))) {
    if (ended || performance.now() > until)
      throw new Error(`${name} did not start:\n${readFileSync(output, 'utf8').slice(-2000)}`)
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  return { port, pid: child.pid ?? 0, stop }
}

function killGroup({ pid }: ChildProcess): void {
  try {
    if (pid !== undefined) process.kill(-pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

function greets(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ host: '127.0.0.1', port })
    socket.once('data', (octets) => {
      resolve(octets.toString().startsWith('220'))
      socket.destroy()
    })
    socket.once('error', () => resolve(false))
    socket.once('close', () => resolve(false))
  })
}
