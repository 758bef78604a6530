/**
 * A real Postern for tests: `bin/postern serve` as a user runs it, on ports of its own choosing, in a
 * directory of its own, with real Haraka, Redis and workers. Nothing in it is a fake.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { stringify } from 'yaml'
import { dirStore, type Mailbox, openMailbox, readKey } from '../../src/client/index.ts'

const program = join(import.meta.dirname, '../../bin/postern')

export type PosternOptions = {
  /** Merged over the test's own settings (ports, dataDir, fast retries), section by section. */
  readonly config?: Readonly<Record<string, unknown>>
  /** The rule set, as YAML text or as an object in SES's shape; default: store all mail in `inbox`. */
  readonly rules?: string | object
  /** The IP filters, as YAML text or as an object in SES's shape; default: no file. */
  readonly filters?: string | object
  /** A program that runs it and keeps its pid: `strace -D …`, `ip netns exec NAME`. */
  readonly under?: readonly string[]
  /** Changes what was written before it starts: owners, modes, disks. */
  readonly prepare?: (directory: string) => void
  /** Use the dataDir, rules and configuration of an earlier run that was stopped or killed. */
  readonly again?: RunningPostern
}

export type RunningPostern = {
  readonly directory: string
  readonly dataDir: string
  readonly configFile: string
  readonly host: string
  readonly port: number
  /** `http://host:port` of /readyz and /metrics. */
  readonly http: string
  readonly pid: number
  /** What it has printed on standard output, and its log records so far. */
  readonly output: () => string
  readonly logs: () => readonly LogRecord[]
  /** Its standard error, octet by octet. */
  readonly stderr: () => string
  /** Resolves with the first record that fits, past or to come. */
  readonly logged: (fits: (record: LogRecord) => boolean) => Promise<LogRecord>
  /** Message ids in the spool's queue; in dead/. */
  readonly spooled: () => string[]
  readonly dead: () => string[]
  /** Resolves when all accepted mail is delivered. */
  readonly delivered: () => Promise<void>
  /** The mailbox over a directory bucket, opened with the secret key of this run. */
  readonly mailbox: (bucket?: string) => Promise<Mailbox>
  readonly cli: (...args: string[]) => Promise<CliResult>
  /** SIGINT, as Ctrl-C; resolves with the exit code. */
  readonly stop: () => Promise<number | null>
  /** Resolves with the exit code when it ends by itself, or by a signal that the test sends. */
  readonly exited: () => Promise<number | null>
  /** SIGKILL to every process of the run at once, Redis included. */
  readonly killAll: () => Promise<void>
  /** The pids of the run by role: serve, smtp (primary first), worker, http, redis. */
  readonly pids: () => Readonly<Record<string, readonly number[]>>
}

export type LogRecord = {
  readonly level: string
  readonly msg: string
  readonly [field: string]: unknown
}
export type CliResult = {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
  readonly bytes: Buffer
}

const storeAll = {
  Metadata: { Name: 'default' },
  Rules: [
    {
      Name: 'all',
      Enabled: true,
      ScanEnabled: true,
      Actions: [{ S3Action: { BucketName: 'inbox' } }],
    },
  ],
}

const running = new Set<RunningPostern>()
const made = new Set<string>()

/** Starts one and resolves when it serves; rejects with what it printed when it exits instead. */
export async function startPostern(options: PosternOptions = {}): Promise<RunningPostern> {
  const directory = options.again?.directory ?? mkdtempSync(join(tmpdir(), 'postern-test-'))
  const configFile = join(directory, 'postern.yaml')
  if (options.again === undefined) writeSettings(directory, configFile, options)
  options.prepare?.(directory)
  const [command = '', ...args] = [
    ...(options.under ?? []),
    program,
    '--config',
    configFile,
    'serve',
  ]
  const child = spawn(command, args, {
    stdio: ['ignore', 'pipe', 'pipe'],
    // As users run it: Haraka behaves otherwise where it takes itself for tested.
    env: { ...process.env, NODE_ENV: undefined },
  })
  let stdout = ''
  const records: LogRecord[] = []
  const waiting = new Set<() => void>()
  const changed = (): void => {
    for (const each of waiting) each()
  }
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
    changed()
  })
  let stderr = ''
  let unread = ''
  const words: string[] = []
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
    const lines = (unread + text).split('\n')
    unread = lines.pop() ?? ''
    for (const line of lines) {
      if (line.startsWith('{')) records.push(JSON.parse(line) as LogRecord)
      else words.push(line)
    }
    changed()
  })
  const exited = new Promise<number | null>((resolve) => child.once('exit', resolve))

  /** Resolves with the first value of `look` that is not undefined; looks again at each output. */
  async function waitFor<T>(look: () => T | undefined): Promise<T> {
    for (;;) {
      const found = look()
      if (found !== undefined) return found
      await new Promise<void>((resolve, reject) => {
        const again = (): void => {
          waiting.delete(again)
          resolve()
        }
        waiting.add(again)
        void exited.then((code) =>
          reject(
            new Error(
              `postern exited with ${code}: ${words.join('\n')} ${JSON.stringify(records.slice(-5))}`,
            ),
          ),
        )
      })
    }
  }

  const { smtp, http } = await waitFor(() => {
    const smtp = /^ {2}SMTP +(\S+?),?$/m.exec(stdout)?.[1]
    const http = /^ {2}status +(http\S+)\/readyz/m.exec(stdout)?.[1]
    return smtp !== undefined && http !== undefined && stdout.includes('Ctrl-C')
      ? { smtp, http }
      : undefined
  })
  const dataDir = join(directory, 'data')
  const names = (place: string): string[] =>
    readdirSync(join(dataDir, place))
      .filter((name) => /^[0-9a-v]{40}$/.test(name))
      .sort()

  const self: RunningPostern = {
    directory,
    dataDir,
    configFile,
    host: smtp.slice(0, smtp.lastIndexOf(':')),
    port: Number(smtp.slice(smtp.lastIndexOf(':') + 1)),
    http,
    pid: child.pid ?? 0,
    output: () => stdout,
    logs: () => records,
    stderr: () => stderr,
    logged: (fits) => waitFor(() => records.find(fits)),
    spooled: () => names('spool/queue'),
    dead: () => names('dead'),
    delivered: () => until(() => names('spool/queue').length === 0),
    async mailbox(bucket = 'inbox') {
      return openMailbox({
        store: dirStore(join(dataDir, 'store', bucket)),
        keys: [await readKey(join(dataDir, 'keys', 'main.key'))],
      })
    },
    cli: (...args) => runCli('--config', configFile, ...args),
    async stop() {
      running.delete(self)
      child.kill('SIGINT')
      return exited
    },
    async exited() {
      running.delete(self)
      return exited
    },
    async killAll() {
      running.delete(self)
      const tree = treeOf(child)
      for (const pid of tree) kill(pid)
      await exited
      await until(() => tree.every((pid) => isGone(pid)))
    },
    pids: () => pidsByRole(child),
  }
  running.add(self)
  made.add(directory)
  return self
}

/** For afterEach/afterAll: nothing of a test outlives it. Removes the directories. */
export async function stopAll(): Promise<void> {
  for (const each of [...running]) await each.killAll()
  for (const each of made) rmSync(each, { recursive: true, force: true })
  made.clear()
}

/** Runs `bin/postern` once. */
export function runCli(...args: string[]): Promise<CliResult> {
  return new Promise((resolve) => {
    execFile(
      program,
      args,
      { encoding: 'buffer', maxBuffer: 256 * 1024 * 1024 },
      (error, stdout, stderr) => {
        const code = error === null ? 0 : typeof error.code === 'number' ? error.code : -1
        resolve({
          code,
          bytes: stdout,
          stdout: stdout.toString('utf8'),
          stderr: stderr.toString('utf8'),
        })
      },
    )
  })
}

/** Resolves when `condition` holds. Looks every 20 ms: the condition is another process's doing. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  while (!(await condition())) await new Promise((resolve) => setTimeout(resolve, 20))
}

function writeSettings(
  directory: string,
  configFile: string,
  { config = {}, rules = storeAll, filters }: PosternOptions,
): void {
  const ours: Record<string, Record<string, unknown>> = {
    // A machine that tests keep busy is late, which is no reason to refuse: test/e2e/overload.test.ts is about that.
    smtp: { listen: ['127.0.0.1:0'], limits: { maxLagMs: 60_000 } },
    http: { listen: '127.0.0.1:0' },
    rules: { dir: './rules' },
    spool: { minFreeBytes: 1024 * 1024 },
    delivery: { firstRetryMs: 100, maxRetryMs: 1000, sweepSeconds: 1 },
    log: { format: 'json' },
    // Nothing listens there, so that every question fails at once: no test asks a name server of the
    // network. Tests of the checks bring servers of their own.
    dns: { servers: ['127.0.0.1:9'], timeoutMs: 1000 },
    virus: { clamd: 'off' },
  }
  const merged: Record<string, unknown> = {
    hostname: 'mx.example.test',
    dataDir: './data',
    ...ours,
    ...config,
  }
  for (const [section, values] of Object.entries(ours)) {
    const theirs = config[section]
    merged[section] = typeof theirs === 'object' ? { ...values, ...theirs } : (theirs ?? values)
  }
  mkdirSync(join(directory, 'rules'), { recursive: true })
  writeFileSync(configFile, stringify(merged), { mode: 0o600 })
  writeFileSync(
    join(directory, 'rules/default.yaml'),
    typeof rules === 'string' ? rules : stringify(rules),
  )
  if (filters === undefined) return
  writeFileSync(
    join(directory, 'rules/filters.yaml'),
    typeof filters === 'string' ? filters : stringify(filters),
  )
}

function kill(pid: number): void {
  try {
    process.kill(pid, 'SIGKILL')
  } catch {
    // It is gone already.
  }
}

/** The child and all below it, by /proc: a killed parent's children are found before it is killed. */
function treeOf(child: ChildProcess): number[] {
  const parents = new Map<number, number>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = readProc(`/proc/${name}/stat`)
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    if (fields[0] !== undefined && fields[0] !== 'Z') parents.set(Number(name), Number(fields[1]))
  }
  const tree = child.pid !== undefined && parents.has(child.pid) ? [child.pid] : []
  for (let index = 0; index < tree.length; index += 1) {
    for (const [pid, parent] of parents) if (parent === tree[index]) tree.push(pid)
  }
  return tree
}

function pidsByRole(child: ChildProcess): Record<string, number[]> {
  const roles: Record<string, number[]> = {}
  for (const pid of treeOf(child)) {
    const command = readProc(`/proc/${pid}/cmdline`).split('\0')
    const at = command.indexOf('--role')
    const role = command.some((part) => part.includes('redis-server'))
      ? 'redis'
      : command[0] === 'clamd'
        ? 'clamd'
        : at < 0
          ? 'serve'
          : (command[at + 1] ?? '')
    roles[role] = [...(roles[role] ?? []), pid]
  }
  return roles
}

function isGone(pid: number): boolean {
  const stat = readProc(`/proc/${pid}/stat`)
  return stat === '' || stat.slice(stat.lastIndexOf(')') + 2).startsWith('Z')
}

function readProc(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    return ''
  }
}
