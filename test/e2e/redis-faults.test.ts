/** D§2.2: whatever becomes of a Redis that is not ours, mail is accepted, and delivered when it is mended. */
import { afterAll, beforeAll, expect, onTestFinished, test, vi } from 'vitest'
import { expectKept, messageOf, type Sent, sendAll } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll, until } from '../support/postern.ts'
import { startRedis, stopRedis } from '../support/redis.ts'
import { type FaultyRedis, redisFaults, startFaultyRedis } from '../support/redis-faults.ts'
import { stopProxies } from '../support/slow-proxy.ts'

vi.setConfig({ testTimeout: 120_000 })

let faulty: FaultyRedis
let postern: RunningPostern
const sent: Sent[] = []

beforeAll(async () => {
  faulty = await startFaultyRedis()
  postern = await startPostern({ config: { redis: faulty.place } })
})
afterAll(async () => {
  await stopAll()
  stopRedis()
  stopProxies()
})

const readiness = async (): Promise<string> => (await fetch(`${postern.http}/readyz`)).text()

let number = 0
async function send(count: number): Promise<void> {
  const messages = Array.from({ length: count }, (_, index) => messageOf(1000, number + index))
  number += count
  sent.push(await sendAll(() => postern, messages))
}

// What redis.test.ts does to an embedded one, and to one that is killed, is not repeated.
const faults = redisFaults.filter(({ name }) => !['stopped', 'hangs', 'flushed'].includes(name))

test.for(faults)(
  'Redis is $name ($why): nothing is refused, lost or stored twice',
  async (fault) => {
    await send(3)
    await fault.begin(faulty)
    await send(10)
    if (fault.stops) expect(postern.spooled().length).toBeGreaterThanOrEqual(10)
    else await postern.delivered()
    const { told } = fault
    if (told !== undefined) await until(async () => told.test(await readiness()))
    await fault.end(faulty)
    await send(3)
    await postern.delivered()
    await expectKept(postern, ...sent)
  },
)

test('a Redis that may throw jobs away is refused at the start with the remedy, and told of later', async () => {
  const redis = await startRedis({ more: ['--maxmemory-policy', 'allkeys-lru'] })
  await expect(startPostern({ config: { redis: redis.place } })).rejects.toThrow(
    /postern exited with 78: .*redis: the Redis at unix:\S+ has maxmemory-policy allkeys-lru .*: redis-cli CONFIG SET maxmemory-policy noeviction/,
  )

  onTestFinished(() =>
    faulty.redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'noeviction').then(() => {}),
  )
  await faulty.redis.cli('CONFIG', 'SET', 'maxmemory-policy', 'volatile-lru')
  await until(async () =>
    /^redis: the Redis at \S+ has maxmemory-policy volatile-lru/m.test(await readiness()),
  )
})
