/**
 * `npm run torture -- redis`: a real Redis is stopped, hangs, is emptied, full, a read-only replica and slow, in
 * turns and for as long as there is time, while mail comes in. `--only slow` does that alone.
 */
import { messageOf, type Sent, sendAll, tally } from '../test/support/load.ts'
import { startPostern, stopAll } from '../test/support/postern.ts'
import { stopRedis } from '../test/support/redis.ts'
import { type RedisFault, redisFaults, startFaultyRedis } from '../test/support/redis-faults.ts'
import { seeded } from '../test/support/seeded.ts'
import { stopProxies } from '../test/support/slow-proxy.ts'
import { figures } from './figures.ts'
import type { Part } from './part.ts'

const maxFaultMs = 60_000

export const redis: Part = async ({ seconds, seed, only }) => {
  const faults = redisFaults.filter(({ name }) => only === undefined || name.includes(only))
  if (faults.length === 0) throw new Error(`there is no fault ${only}`)
  const random = seeded(seed)
  const count = figures('redis')
  const end = performance.now() + seconds * 1000
  const all: Sent[] = []
  let number = 0
  try {
    const faulty = await startFaultyRedis()
    const postern = await startPostern({ config: { redis: faulty.place } })
    // One of them lasts the whole minute when there is time for it.
    for (let turn = 0; turn < faults.length || performance.now() < end; turn += 1) {
      const fault = faults[turn % faults.length] as RedisFault
      const share = turn % faults.length === 0 ? 4 : 4 * faults.length
      const sent = [await send(5)]
      await fault.begin(faulty)
      const over = performance.now() + Math.min(maxFaultMs, (seconds * 1000) / share)
      do {
        sent.push(await send(10))
        await new Promise((resolve) => setTimeout(resolve, random() * 500))
      } while (performance.now() < over)
      // A slow one delivers, if slowly; one that stops does not.
      if (!fault.stops) await postern.delivered()
      await fault.end(faulty)
      sent.push(await send(5))
      await postern.delivered()
      all.push(...sent)
      count.fault(fault.name)
    }
    count.add(all, await tally(postern, ...all))
    count.tell()

    function send(messages: number): Promise<Sent> {
      const each = Array.from({ length: messages }, () => {
        number += 1
        return messageOf(Math.floor(1024 + random() * 50_000), number)
      })
      return sendAll(() => postern, each)
    }
  } finally {
    await stopAll()
    stopRedis()
    stopProxies()
  }
  return count.wrong()
}
