/**
 * The SMTP role: Haraka in this process (`smtp.processes: 0`), or in cluster workers of it. On a stop
 * the listeners close, idle sessions are told 421, and a message under way still gets its answer.
 */
import cluster from 'node:cluster'
import { extname, join } from 'node:path'
import type { Config } from '../config/options.ts'
import { openEdge } from '../edge.ts'
import { describeError } from '../errors.ts'
import { writeHome } from '../haraka/home.ts'
import {
  guardListeners,
  keepCertificate,
  listening,
  startHaraka,
  stopListening,
} from '../haraka/server.ts'
import { cutSessions, drainSessions } from '../haraka/sessions.ts'
import { log } from '../log.ts'
import { Spool } from '../spool/spool.ts'
import { doorOf } from './door.ts'
import { portIsFree } from './ports.ts'
import { certificateOf, places, prepare } from './prepare.ts'
import { redisPlace } from './redis-server.ts'
import { rulesAtStart } from './rules-in-force.ts'
import { awayMessage, listeningMessage, stateOf } from './smtp-state.ts'
import { onStop, stopMessage, stopTimes, within } from './stop.ts'

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

/** For the last 421s to leave, and for what was cut off to be undone. */
const cutMs = 500

/**
 * Resolves with the addresses once every process listens. `again`: it died and is started again. Throws
 * `UserError`.
 */
export async function runSmtp(config: Config, again: boolean): Promise<readonly string[]> {
  const home = places(config.dataDir).haraka
  const addresses = Promise.withResolvers<readonly string[]>()
  if (cluster.isPrimary) await makeReady(home, config, again)
  if (cluster.isPrimary && config.smtp.processes > 0) {
    // The workers accept for themselves. Handed over by the primary (Node's default), a connection on
    // its way to a worker that dies would be lost, and each costs some 10 % more CPU.
    cluster.schedulingPolicy = cluster.SCHED_NONE
    watchWorkers(config, addresses.resolve)
    startHaraka(home, () => {})
    return addresses.promise
  }
  // The primary has found rules to begin with; a worker of it that can't start is forked for ever.
  const edge = await openEdge(config, redisPlace(config), again || cluster.isWorker)
  onStop(async () => {
    stopListening()
    const drained = drainSessions()
    await within(stopTimes(config).sessionsMs, drained)
    const cut = cutSessions()
    if (cut > 0) log.warn({ cut }, 'Sessions did not end in time and were told 421')
    await within(cutMs, drained)
    await edge.close()
  })
  startHaraka(home, () => {
    guardListeners(doorOf(edge, config.smtp.limits))
    keepCertificate(certificateOf(config).files)
    process.send?.({ ...listeningMessage, addresses: listening() })
    addresses.resolve(listening())
  })
  return addresses.promise
}

async function makeReady(home: string, config: Config, again: boolean): Promise<void> {
  await prepare(config)
  rulesAtStart(config, again)
  for (const address of config.smtp.listen) await portIsFree('smtp.listen', address)
  const { cert, key } = certificateOf(config)
  writeHome(home, {
    hostname: config.hostname,
    listen: config.smtp.listen,
    processes: config.smtp.processes,
    inactivitySeconds: config.smtp.inactivitySeconds,
    plugins,
    pluginDirectory: join(import.meta.dirname, '../../plugins'),
    extension: extname(import.meta.filename),
    tls: { cert, key },
  })
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

/** Haraka forks the workers, and a new one for each that dies; this tells how they are. */
function watchWorkers(config: Config, whenUp: (addresses: readonly string[]) => void): void {
  const up = new Set<number>()
  cluster.on('message', (worker, message: { postern?: string; addresses?: string[] }) => {
    if (stateOf(message) !== 'listening') return
    up.add(worker.id)
    if (up.size === 1) process.send?.(listeningMessage)
    if (up.size === config.smtp.processes) whenUp(message.addresses ?? [])
  })
  cluster.on('exit', (worker, code, signal) => {
    if (up.delete(worker.id) && up.size === 0) process.send?.(awayMessage)
    if (worker.exitedAfterDisconnect || code === 0) return
    log.error(
      { worker: worker.process.pid, code, signal },
      'An SMTP process died; another takes its place',
    )
    removeHalfWritten(config, worker.process.pid).catch((error: unknown) =>
      log.warn({ reason: describeError(error) }, 'What it had half received could not be removed'),
    )
  })
  onStop(async () => {
    const workers = Object.values(cluster.workers ?? {}).filter((each) => each !== undefined)
    const gone = workers.map((each) => new Promise((resolve) => each.once('exit', resolve)))
    for (const each of workers) each.send(stopMessage)
    // A little more than they have; `serve` and systemd wait longer still.
    await within(stopTimes(config).sessionsMs + 2 * cutMs, Promise.all(gone))
  })
}
