/**
 * `postern serve`: starts Redis (when embedded), the SMTP, HTTP and worker processes, starts each
 * again when it dies, and stops them in order. Takes no mail itself. When it is killed, they end too.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import type { Config } from '../config/options.ts'
import { configExitCode, describeError, errorCode, UserError } from '../errors.ts'
import { log } from '../log.ts'
import { noRights } from './child.ts'
import { clamdReady, forgetClamd, prepareClamd, spawnClamd } from './clamd.ts'
import { places, prepare } from './prepare.ts'
import { hasRights, isNeedlesslyRoot, requireOwnFiles, rootRemedy } from './privileges.ts'
import { redisPlace, redisReady, requireKeepingRedis, spawnRedis } from './redis-server.ts'
import { activeRuleSet } from './resources.ts'
import { requireSealingKeys } from './sealing-keys.ts'
import { groupStopMs, stopMessage, within } from './stop.ts'

const firstRestartMs = 100
const maxRestartMs = 30_000
/** A child that lived this long failed for a new reason, and is soon back again. */
const steadyMs = 60_000
/** With the test signatures it is ready in a second; mail need not wait for the official ones. */
const clamdPatienceMs = 5000

export type Started = {
  readonly madeKey: boolean
  readonly smtp: readonly string[]
  readonly http: string
}

/** What talks to the outside and listens nowhere needs no right to a port. */
const withoutRights = {
  execPath: 'setpriv',
  execArgv: [...noRights, process.execPath, ...process.execArgv],
}

type Arguments = Readonly<Partial<Record<'always' | 'first' | 'later', readonly string[]>>>

type Role = {
  readonly name: string
  readonly start: () => Promise<ChildProcess> | ChildProcess
  child?: ChildProcess
  delayMs: number
}

/** `command`: the arguments that start a role of this program. Resolves when all of it serves. */
export async function supervise(
  config: Config,
  command: { readonly script: string; readonly args: readonly string[] },
): Promise<Started> {
  requireOwnFiles(config)
  const { madeKey } = await prepare(config)
  // The roles look too, but here a mistake is told once, before anything is started.
  activeRuleSet(config)
  requireSealingKeys(config)
  await requireKeepingRedis(config)
  lock(places(config.dataDir).lock)
  if (isNeedlesslyRoot(config)) log.warn(`Postern runs as root; write ${rootRemedy}`)
  let stopping = false
  let stoppedAt = 0
  let serving = false
  const roles: Role[] = []

  if (config.redis === 'embedded') {
    await launch({
      name: 'redis',
      start: () => spawnRedis(config.dataDir),
      delayMs: firstRestartMs,
    })
    await redisReady(redisPlace(config), 30_000)
  }
  if (await prepareClamd(config)) {
    await launch({ name: 'clamd', start: () => spawnClamd(config), delayMs: firstRestartMs })
    if (!(await clamdReady(config, clamdPatienceMs))) {
      log.warn(
        'clamd still loads its signatures: until it answers the virus verdict is PROCESSING_FAILED',
      )
    }
  }
  const { processes } = config.delivery
  const workers = Array.from({ length: processes }, (_, index) => {
    if (index > 0) return startRole('worker', { always: ['--worker', String(index)] })
    // The lock on dataDir says that no worker is left from the last run; an only worker never has
    // another beside it, so what one that died had under way need not be waited for.
    return processes === 1
      ? startRole('worker', { always: ['--fresh'] })
      : startRole('worker', { first: ['--fresh'] })
  })
  const [smtp, http] = await Promise.all([
    startRole('smtp', { later: ['--again'] }),
    startRole('http', {}),
    ...workers,
  ])
  serving = true
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => void stop(0))
  return { madeKey, smtp, http: http[0] ?? '' }

  /** Resolves with what the role reports when it serves; with its arguments, some not at each start. */
  async function startRole(
    name: string,
    { always = [], first = [], later = [] }: Arguments,
  ): Promise<readonly string[]> {
    const reported = Promise.withResolvers<readonly string[]>()
    let more = first
    const start = (): ChildProcess => {
      const child = fork(command.script, [...command.args, '--role', name, ...always, ...more], {
        // A group of its own: Ctrl-C reaches the supervisor alone, which then stops them in order.
        detached: true,
        // What Haraka's parts print when they are loaded is nobody's business; our log is stderr.
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        env: { ...process.env, POSTERN_ROLE: name },
        ...(name === 'worker' && hasRights() && withoutRights),
      })
      child.on('message', (message: { postern?: string; addresses?: string[] }) => {
        if (message.postern === 'serving') reported.resolve(message.addresses ?? [])
      })
      more = later
      return child
    }
    await launch({ name, start, delayMs: firstRestartMs })
    return reported.promise
  }

  async function launch(role: Role): Promise<void> {
    if (!roles.includes(role)) roles.push(role)
    const child = await role.start()
    role.child = child
    const since = performance.now()
    child.once('exit', (code, signal) => {
      if (stopping) return
      // Later it may be a file that somebody is writing: the others go on meanwhile.
      if (code === configExitCode && !serving) return void stop(code)
      if (performance.now() - since > steadyMs) role.delayMs = firstRestartMs
      launchAgain(role, { code, signal }, `The ${role.name} process died`)
    })
  }

  function launchAgain(role: Role, why: Record<string, unknown>, text: string): void {
    const againInMs = role.delayMs
    role.delayMs = Math.min(againInMs * 2, maxRestartMs)
    log.error(
      { role: role.name, ...why, againInMs },
      `${text}; it is started again in ${againInMs / 1000} s`,
    )
    setTimeout(() => {
      if (stopping) return
      launch(role).catch((error: unknown) =>
        launchAgain(
          role,
          { reason: describeError(error) },
          `The ${role.name} process could not be started`,
        ),
      )
    }, againInMs)
  }

  /** Takers of mail first, then those who deliver it, Redis last. */
  async function stop(code: number): Promise<void> {
    if (stopping) {
      // npm passes on the Ctrl-C that the terminal has sent already: only a later one means hurry.
      if (performance.now() - stoppedAt > 1000) process.exit(1)
      return
    }
    stopping = true
    stoppedAt = performance.now()
    log.info('Stopping: messages under way get their answer first')
    const named = (...names: string[]): Role[] => roles.filter(({ name }) => names.includes(name))
    for (const group of [named('smtp', 'http'), named('worker'), named('redis', 'clamd')]) {
      await within(groupStopMs, Promise.all(group.map(({ name, child }) => end(name, child))))
    }
    forgetClamd(config)
    rmSync(places(config.dataDir).lock, { force: true })
    process.exit(code)
  }
}

function end(name: string, child: ChildProcess | undefined): Promise<unknown> {
  if (child === undefined || child.exitCode !== null || child.signalCode !== null)
    return Promise.resolve()
  const gone = new Promise((resolve) => child.once('exit', resolve))
  if (name === 'redis' || name === 'clamd') child.kill('SIGTERM')
  else child.send(stopMessage, () => {})
  return gone
}

/** Two on one spool would deliver twice and sweep each other's messages away. */
function lock(path: string): void {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const descriptor = openSync(path, 'wx', 0o600)
      writeSync(descriptor, `${process.pid}\n`)
      closeSync(descriptor)
      return
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
      const pid = Number(readFileSync(path, 'utf8'))
      if (isPostern(pid)) {
        throw new UserError(
          `Postern already runs on this dataDir as process ${pid}: stop it (kill ${pid}), or set another dataDir in postern.yaml.`,
        )
      }
      rmSync(path, { force: true })
    }
  }
}

/** A pid may be another program's by now; Linux tells. Elsewhere a living pid counts. */
function isPostern(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    // The whole word: redis-server is none of ours.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('serve')
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}
