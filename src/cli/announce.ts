/** Tells the workers of entries that a command has put into the spool. */
import { once } from 'node:events'
import type { Config } from '../config/options.ts'
import { openQueue } from '../delivery/queue.ts'
import { connectRedis } from '../delivery/redis.ts'
import { describeError } from '../errors.ts'
import { queueOwner } from '../roles/queue-owner.ts'
import { redisPlace } from '../roles/redis-server.ts'

/** Makes them due now. Never fails: without Redis the workers' sweep finds them, which it says. */
export async function announceAll(config: Config, ids: readonly string[]): Promise<void> {
  if (ids.length === 0) return
  const redis = connectRedis(redisPlace(config), 'fails-fast')
  const queue = openQueue(redis, queueOwner(config))
  try {
    await Promise.race([announce(), deadline(5000)])
  } catch (error) {
    process.stderr.write(
      `postern: Redis does not answer (${describeError(error)}); they are delivered when it is back\n`,
    )
  } finally {
    redis.disconnect()
  }

  async function announce(): Promise<void> {
    if (redis.status !== 'ready') await once(redis, 'ready')
    await queue.add(ids)
    for (const id of ids) await queue.promote(id)
  }
}

function deadline(milliseconds: number): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error('no answer in time')), milliseconds).unref()
  })
}
