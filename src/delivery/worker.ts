/**
 * Takes jobs from the queue and has their entries delivered. Outlives Redis: it waits while Redis is
 * away, and the entries are added again when it is back (reconcile.ts). BullMQ's own attempts and
 * failed jobs are not used: how often and why is kept in the spool.
 */
import { Worker } from 'bullmq'
import type { Cluster, Redis } from 'ioredis'
import { describeError } from '../errors.ts'
import { log } from '../log.ts'
import type { Deliver } from './deliver.ts'
import { queuePlace } from './queue.ts'

/** Tells BullMQ to try the job again after so long. */
class RetryLater extends Error {
  override readonly name = 'RetryLater'
  readonly delayMs: number
  constructor(delayMs: number) {
    super(`again in ${delayMs} ms`)
    this.delayMs = delayMs
  }
}

/** After a failure of the spool itself (EIO, …), which says nothing about when it will be over. */
const spoolFailureDelayMs = 10_000

export type DeliveryWorker = {
  /** Lets the jobs under way finish. Waits for Redis, which may be away for good: bound it (P67). */
  readonly close: () => Promise<void>
}

export function startWorker(
  redis: Redis | Cluster,
  owner: string,
  concurrency: number,
  deliver: Deliver,
): DeliveryWorker {
  const { name, prefix } = queuePlace(owner)
  const worker = new Worker<{ id: string }>(
    name,
    async ({ data: { id } }) => {
      const outcome = await deliver(id).catch((error: unknown) => {
        log.error({ id, reason: describeError(error) }, 'The spool could not be read or written')
        return { retryInMs: spoolFailureDelayMs }
      })
      if (typeof outcome === 'object') throw new RetryLater(outcome.retryInMs)
    },
    {
      connection: redis,
      prefix,
      concurrency,
      // A job whose worker died is taken up again after at most 25 s, however often: only the spool's
      // count gives up (P64). Taken up too early, by a worker that was only slow, it repeats an action,
      // which leaves what the first one left.
      lockDuration: 20_000,
      stalledInterval: 5_000,
      // BullMQ waits 15 s after a connection that was lost without a word.
      runRetryDelay: 2_000,
      maxStalledCount: Number.MAX_SAFE_INTEGER,
      settings: {
        backoffStrategy: (_attempts, _type, error) =>
          error instanceof RetryLater ? error.delayMs : spoolFailureDelayMs,
      },
    },
  )
  // The connection reports its own outages; without a listener BullMQ's event would end the process.
  worker.on('error', () => {})

  return { close: () => worker.close() }
}
