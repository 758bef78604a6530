/**
 * The delivery queue: which spool entries are due, as BullMQ jobs on Redis. A job carries the message
 * id and nothing else (D§2.6, pitfalls P61). The queue is an index of the spool: what is lost from it
 * is added again by `reconcile` (reconcile.ts).
 */
import { Queue } from 'bullmq'
import type { Cluster, Redis } from 'ioredis'

export type DeliveryQueue = {
  /** Adds the entries; one that is there already is left as it is. Rejects at once when Redis is away. */
  readonly add: (ids: readonly string[]) => Promise<void>
  /**
   * Adds an entry and does not tell whether that went well. One that Redis, being away, did not take is added
   * when it is back; what is lost even so the sweep finds.
   */
  readonly announce: (id: string) => void
  /** Those of `ids` that Redis does not know. */
  readonly unknown: (ids: readonly string[]) => Promise<string[]>
  /** Removes the jobs of `ids` that are finished or belong to no list, so that they can be added again. */
  readonly forgetFinished: (ids: readonly string[]) => Promise<string[]>
  /** Makes an entry that waits for its next attempt due now. */
  readonly promote: (id: string) => Promise<void>
  /** Forgets all jobs. Only while no worker of this node runs; `reconcile` adds them again. */
  readonly clear: () => Promise<void>
  readonly close: () => Promise<void>
}

/**
 * One queue per node, on any number of nodes per Redis; a queue's name may not hold a colon. The braces
 * put all keys of a queue into one slot, which Redis Cluster asks for. `owner`: nobody else's, as
 * src/roles/queue-owner.ts makes it.
 */
export function queuePlace(owner: string): { readonly name: string; readonly prefix: string } {
  return { name: `postern-${owner}`, prefix: `{postern-${owner}}` }
}

const jobOptions = {
  // The number that counts is kept in the spool (spool.ts, Progress): Redis may forget.
  attempts: Number.MAX_SAFE_INTEGER,
  backoff: { type: 'custom' },
  // A finished job must not stay: an id that is there, even finished, can't be added again (P62, P64).
  removeOnComplete: true,
  removeOnFail: true,
} as const

/**
 * Additions that may wait for an answer at once. Bounds the memory that a Redis that hangs costs, which
 * takes all and answers nothing; the sweep adds what is refused here.
 */
const maxAdding = 1000

/** Announced entries kept in memory for a Redis that is away: what a start or a short outage leaves. */
const maxUntold = 1000

export function openQueue(redis: Redis | Cluster, owner: string): DeliveryQueue {
  let opened: Queue | undefined
  // bullmq 6.7: a Queue made before its connection is ready either fails for good or keeps every add
  // waiting in memory until Redis is there. Made when it is ready, it fails at once while Redis is away.
  const open = (): void => {
    const { name, prefix } = queuePlace(owner)
    opened ??= new Queue(name, { connection: redis, prefix })
    // The connection reports its own outages; without a listener BullMQ's event would end the process.
    opened.on('error', () => {})
  }
  if (redis.status === 'ready') open()
  else redis.once('ready', open)

  let adding = 0
  // The connection of this process may come back, or be there for the first time, after the worker's, which
  // has compared the queue with the spool by then: these would wait for the next sweep.
  const untold = new Set<string>()
  redis.on('ready', () => {
    const ids = [...untold]
    untold.clear()
    add(ids).catch(() => {})
  })

  const theQueue = (): Queue => {
    if (opened === undefined) throw new Error('Redis has not answered yet')
    return opened
  }

  async function add(ids: readonly string[]): Promise<void> {
    const queue = theQueue()
    if (adding >= maxAdding) throw new Error('Redis is too slow to answer')
    const jobs = ids.map((id) => ({
      name: 'deliver',
      data: { id },
      opts: { ...jobOptions, jobId: id },
    }))
    const [only] = jobs
    adding += 1
    try {
      if (jobs.length === 1 && only) await queue.add(only.name, only.data, only.opts)
      else if (jobs.length > 1) await queue.addBulk(jobs)
    } finally {
      adding -= 1
    }
  }

  return {
    add,
    announce(id) {
      // A rejection means that Redis is away, which redis.ts has logged.
      add([id]).catch(() => {
        if (untold.size < maxUntold) untold.add(id)
      })
    },
    async unknown(ids) {
      const queue = theQueue()
      // One write and one answer: asked one by one 500 cost 4.6 ms of CPU instead of 1.2.
      const asked = redis.pipeline()
      for (const id of ids) asked.exists(queue.toKey(id))
      const answers = (await asked.exec()) ?? []
      return ids.filter((_, index) => {
        const [error, known] = answers[index] ?? [new Error('Redis has not answered')]
        if (error) throw error
        return known === 0
      })
    },
    async forgetFinished(ids) {
      const queue = theQueue()
      const forgotten: string[] = []
      for (const id of ids) {
        const state = await queue.getJobState(id)
        if (state !== 'completed' && state !== 'failed' && state !== 'unknown') continue
        await queue.remove(id)
        forgotten.push(id)
      }
      return forgotten
    },
    async promote(id) {
      const job = await theQueue().getJob(id)
      if (job !== undefined && (await job.isDelayed())) await job.promote()
    },
    async clear() {
      await theQueue().obliterate({ force: true })
    },
    async close() {
      await opened?.close()
    },
  }
}
