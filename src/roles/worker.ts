/**
 * The delivery worker role: takes entries from the spool and carries out their plans. The first worker
 * of a node also makes the queue agree with the spool (reconcile.ts).
 */
import type { Config } from '../config/options.ts'
import { deliverer } from '../delivery/deliver.ts'
import { openQueue } from '../delivery/queue.ts'
import { nextSlice, reconcile, wholeSpool } from '../delivery/reconcile.ts'
import { connectRedis } from '../delivery/redis.ts'
import { startWorker } from '../delivery/worker.ts'
import { describeError } from '../errors.ts'
import { log } from '../log.ts'
import { Spool } from '../spool/spool.ts'
import { openActions } from './actions.ts'
import { prepare } from './prepare.ts'
import { queueOwner } from './queue-owner.ts'
import { redisPlace } from './redis-server.ts'
import { requireSealingKeys } from './sealing-keys.ts'
import { onStop, stopTimes, within } from './stop.ts'

export type WorkerPart = {
  /** Which worker of this node it is; the first, 0, makes the queue agree with the spool. */
  readonly number: number
  /** Whether no other worker of this node can be running: jobs the last run had under way are free. */
  readonly fresh: boolean
}

/** Throws `UserError`. */
export async function runWorker(config: Config, { number, fresh }: WorkerPart): Promise<void> {
  await prepare(config)
  requireSealingKeys(config)
  const spool = new Spool(config.dataDir)
  spool.removeLeftovers()
  const place = redisPlace(config)
  const { act, close } = await openActions(config, place, number)
  const deliver = deliverer(spool, act, config.delivery)
  const { concurrency, sweepSeconds } = config.delivery
  const owner = queueOwner(config)
  const worker = startWorker(connectRedis(place, 'waits'), owner, concurrency, deliver)
  const sweep = number === 0 ? startSweep() : undefined

  onStop(async () => {
    clearInterval(sweep)
    // Redis may be away for good, and then it never ends (pitfalls P67); the spool has what is under way.
    await within(stopTimes(config).workersMs, worker.close())
    await emptyFiles()
    close()
  })

  /** Of what is delivered. */
  function emptyFiles(): Promise<void> {
    return spool.emptied().catch((error: unknown) => {
      const reason = describeError(error)
      log.warn({ reason }, 'What is delivered could not be deleted; the next start does it')
    })
  }

  function startSweep(): NodeJS.Timeout {
    const client = connectRedis(place, 'fails-fast')
    const queue = openQueue(client, owner)
    let running = false
    let clear = fresh
    let slice = wholeSpool
    const run = async (): Promise<void> => {
      if (running || client.status !== 'ready') return
      running = true
      try {
        if (clear) await queue.clear()
        clear = false
        const { entries, added } = await reconcile(spool, queue, slice)
        slice = nextSlice(slice, entries)
        if (added > 0)
          log.info({ entries, added }, 'Added spool entries that the queue did not know')
      } catch (error) {
        log.warn(
          { reason: describeError(error) },
          'The queue could not be compared with the spool; it will be tried again',
        )
      }
      running = false
    }
    client.on('ready', () => void run())
    return setInterval(() => void run(), sweepSeconds * 1000)
  }
}
