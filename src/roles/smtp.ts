/**
 * The SMTP role: Haraka in this process (`smtp.processes: 0`), or in cluster workers of it, which are
 * started again when they die.
 */
import cluster from 'node:cluster'
import { extname, join } from 'node:path'
import type { Config } from '../config/options.ts'
import { configExitCode, describeError } from '../errors.ts'
import { writeHome } from '../haraka/home.ts'
import { log } from '../log.ts'
import { Spool } from '../spool/spool.ts'
import { program, roleArguments, sendConfig } from './fork.ts'
import { portIsFree } from './ports.ts'
import { certificateOf, places, prepare } from './prepare.ts'
import { recoverSpool } from './recover.ts'
import { awayMessage, listeningMessage, stateOf } from './smtp-state.ts'
import { cutMs, onStop, stopMessage, stopTimes, within } from './stop.ts'

/** The files of plugins/, in the order of the session. */
const plugins = [
  'log',
  'session',
  'limits',
  'blocklist',
  'recipient',
  'capture',
  'verdicts',
  'receive',
]

/** Before another takes the place of a process that never listened: what is wrong with it takes its time, too. */
const unbegunMs = 1000

/**
 * Resolves with the addresses once every process listens. `again`: it died and is started again. Throws
 * `UserError`.
 */
export async function runSmtp(config: Config, again: boolean): Promise<readonly string[]> {
  if (cluster.isPrimary) await makeReady(config)
  if (cluster.isWorker || config.smtp.processes === 0) {
    const { serveSessions } = await import('./sessions.ts')
    return serveSessions(config, again)
  }
  return forkWorkers(config, again)
}

async function makeReady(config: Config): Promise<void> {
  await prepare(config)
  for (const address of config.smtp.listen) await portIsFree('smtp.listen', address)
  const { cert, key } = certificateOf(config)
  writeHome(places(config.dataDir).haraka, {
    hostname: config.hostname,
    listen: config.smtp.listen,
    processes: config.smtp.processes,
    inactivitySeconds: config.smtp.inactivitySeconds,
    plugins,
    pluginDirectory: join(import.meta.dirname, '../../plugins'),
    extension: extname(import.meta.filename),
    tls: { cert, key },
  })
  await recoverSpool(config)
  const removed = await removeHalfWritten(config)
  if (removed > 0) {
    log.info({ removed }, 'Removed messages that were half received when the last run ended')
  }
}

async function removeHalfWritten({ dataDir }: Config, pid?: number): Promise<number> {
  const spool = new Spool(dataDir)
  try {
    return await spool.removeHalfWritten(pid)
  } finally {
    spool.close()
  }
}

/** After a process that died: what it accepted is on disk as well as it may be, what it did not is gone. */
async function tidyUpAfter(config: Config, pid: number): Promise<void> {
  await recoverSpool(config, pid)
  await removeHalfWritten(config, pid)
}

/**
 * The processes that have the sessions, forked from here rather than by Haraka: this one then loads nothing
 * of it, 1.2 s of CPU at each start and 70 MB. A new one for each that dies.
 */
function forkWorkers(config: Config, again: boolean): Promise<readonly string[]> {
  const { processes } = config.smtp
  const whenUp = Promise.withResolvers<readonly string[]>()
  const up = new Set<number>()
  let begun = false
  let stopping = false

  // The workers accept for themselves. Handed over by the primary (Node's default), a connection on
  // its way to a worker that dies would be lost, and each costs some 10 % more CPU.
  cluster.schedulingPolicy = cluster.SCHED_NONE
  const fork = (isAgain: boolean): void => {
    if (stopping) return
    const args = roleArguments(config, 'smtp', isAgain ? ['--again'] : [])
    cluster.setupPrimary({ exec: program, args })
    sendConfig(cluster.fork(), config)
  }
  cluster.on('message', (worker, message: { postern?: string; addresses?: string[] }) => {
    if (stateOf(message) !== 'listening') return
    up.add(worker.id)
    begun = true
    if (up.size === 1) process.send?.(listeningMessage)
    if (up.size === processes) whenUp.resolve(message.addresses ?? [])
  })
  cluster.on('exit', (worker, code, signal) => {
    const listened = up.delete(worker.id)
    if (listened && up.size === 0) process.send?.(awayMessage)
    if (worker.exitedAfterDisconnect || code === 0) return
    // It has said what is wrong, and none has found it better.
    if (code === configExitCode && !begun) process.exit(code)
    log.error(
      { worker: worker.process.pid, code, signal },
      'An SMTP process died; another takes its place',
    )
    setTimeout(fork, listened ? 0 : unbegunMs, true)
    tidyUpAfter(config, worker.process.pid ?? 0).catch((error: unknown) =>
      log.error({ reason: describeError(error) }, 'What it had left could not be tidied up'),
    )
  })
  onStop(async () => {
    stopping = true
    const workers = Object.values(cluster.workers ?? {}).filter((each) => each !== undefined)
    const gone = workers.map((each) => new Promise((resolve) => each.once('exit', resolve)))
    for (const each of workers) each.send(stopMessage)
    // A little more than they have; `serve` and systemd wait longer still.
    await within(stopTimes(config).sessionsMs + 2 * cutMs, Promise.all(gone))
  })
  for (let each = 0; each < processes; each += 1) fork(again)
  return whenUp.promise
}
