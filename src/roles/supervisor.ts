/**
 * `postern serve`: starts Redis (when embedded), the SMTP, HTTP and worker processes, starts each
 * again when it dies, and stops them in order. Takes no mail itself. When it is killed, they end too.
 */
import { type ChildProcess, fork } from 'node:child_process'
import { rmSync } from 'node:fs'
import type { Config } from '../config/options.ts'
import { configExitCode, describeError } from '../errors.ts'
import { log } from '../log.ts'
import { noRights } from './child.ts'
import { clamdReady, forgetClamd, prepareClamd, spawnClamd } from './clamd.ts'
import { program, roleArguments, sendConfig } from './fork.ts'
import { lock } from './lock.ts'
import { places, prepare } from './prepare.ts'
import { hasRights, isNeedlesslyRoot, requireOwnFiles, rootRemedy } from './privileges.ts'
import { recoverSpool } from './recover.ts'
import { redisReady, requireKeepingRedis, spawnRedis } from './redis-server.ts'
import { activeRuleSet } from './resources.ts'
import type { Role as RoleName } from './run-role.ts'
import { requireSealingKeys } from './sealing-keys.ts'
import { type SmtpState, stateMessage, stateOf } from './smtp-state.ts'
import { stopMessage, stopTimes, within } from './stop.ts'

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

/** Resolves when all of it serves. */
export async function supervise(config: Config): Promise<Started> {
  requireOwnFiles(config)
  const { madeKey } = await prepare(config)
  // The roles look too, but here a mistake is told once, before anything is started.
  activeRuleSet(config)
  requireSealingKeys(config)
  await requireKeepingRedis(config)
  if (isNeedlesslyRoot(config)) log.warn(`Postern runs as root; write ${rootRemedy}`)
  let locked = false
  let stopping = false
  let stoppedAt = 0
  let serving = false
  let smtpState: SmtpState = 'away'
  const roles: Role[] = []
  for (const signal of ['SIGTERM', 'SIGINT', 'SIGHUP'] as const)
    process.on(signal, () => void stop(0))
  lock(places(config.dataDir).lock)
  locked = true
  // Before a worker looks into the queue.
  await recoverSpool(config)

  if (config.redis === 'embedded') {
    await launch({
      name: 'redis',
      start: () => spawnRedis(config.dataDir),
      delayMs: firstRestartMs,
    })
    await redisReady(config, 30_000)
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
  return { madeKey, smtp, http: http[0] ?? '' }

  /** Resolves with what the role reports when it serves; with its arguments, some not at each start. */
  async function startRole(
    name: RoleName,
    { always = [], first = [], later = [] }: Arguments,
  ): Promise<readonly string[]> {
    const reported = Promise.withResolvers<readonly string[]>()
    let more = first
    const start = (): ChildProcess => {
      const child = fork(program, roleArguments(config, name, [...always, ...more]), {
        // A group of its own: Ctrl-C reaches the supervisor alone, which then stops them in order.
        detached: true,
        // What Haraka's parts print when they are loaded is nobody's business; our log is stderr.
        stdio: ['ignore', 'ignore', 'inherit', 'ipc'],
        env: { ...process.env, POSTERN_ROLE: name },
        ...(name === 'worker' && hasRights() && withoutRights),
      })
      sendConfig(child, config)
      child.on('message', (message: { postern?: string; addresses?: string[] }) => {
        if (message.postern === 'serving') reported.resolve(message.addresses ?? [])
        const state = name === 'smtp' ? stateOf(message) : undefined
        if (state !== undefined && !stopping) smtpState = state
        if (state !== undefined || name === 'http') tellHttp()
      })
      more = later
      return child
    }
    await launch({ name, start, delayMs: firstRestartMs })
    return reported.promise
  }

  /** What /readyz cannot see for itself. */
  function tellHttp(): void {
    const child = roles.find(({ name }) => name === 'http')?.child
    if (child?.connected) child.send(stateMessage(smtpState), () => {})
  }

  async function launch(role: Role): Promise<void> {
    // A stop while it starts: nothing more is begun, and what waits for it ends with the process.
    if (stopping) return new Promise(() => {})
    if (!roles.includes(role)) roles.push(role)
    const child = await role.start()
    role.child = child
    const since = performance.now()
    child.once('exit', (code, signal) => {
      if (stopping) return
      if (role.name === 'smtp') {
        smtpState = 'away'
        tellHttp()
      }
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

  /**
   * Takers of mail first, then those who deliver it, Redis last. What is not gone in its time is killed:
   * that loses no mail, and nothing may be left running.
   */
  async function stop(code: number): Promise<void> {
    if (stopping) {
      // npm passes on the Ctrl-C that the terminal has sent already: only a later one means hurry.
      if (performance.now() - stoppedAt > 1000) leave(1)
      return
    }
    stopping = true
    stoppedAt = performance.now()
    log.info('Stopping: messages under way get their answer first')
    smtpState = 'stopping'
    tellHttp()
    const { smtpGoneMs, workersGoneMs, allGoneMs } = stopTimes(config)
    const order = [
      [['smtp'], smtpGoneMs],
      [['worker'], workersGoneMs],
      // Until here it has said that this node is stopping.
      [['http', 'redis', 'clamd'], allGoneMs],
    ] as const
    for (const [names, byMs] of order) {
      const group = roles.filter(({ name }) => names.some((each) => each === name))
      const leftMs = Math.max(0, stoppedAt + byMs - performance.now())
      await within(leftMs, Promise.all(group.map(({ name, child }) => end(name, child))))
      for (const { name, child } of group) {
        if (child === undefined || isGone(child)) continue
        log.warn({ role: name }, `The ${name} process did not end in its time and was killed`)
        child.kill('SIGKILL')
      }
    }
    leave(code)
  }

  function leave(code: number): never {
    for (const { child } of roles) child?.kill('SIGKILL')
    if (locked) {
      forgetClamd(config)
      rmSync(places(config.dataDir).lock, { force: true })
    }
    process.exit(code)
  }
}

function isGone({ exitCode, signalCode }: ChildProcess): boolean {
  return exitCode !== null || signalCode !== null
}

function end(name: string, child: ChildProcess | undefined): Promise<unknown> {
  if (child === undefined || isGone(child)) return Promise.resolve()
  const gone = new Promise((resolve) => child.once('exit', resolve))
  if (name === 'redis' || name === 'clamd') child.kill('SIGTERM')
  else child.send(stopMessage, () => {})
  return gone
}
