/** The worker takes up what is due, tries again what failed, and outlives its Redis. */
import { Queue } from 'bullmq'
import type { Cluster, Redis } from 'ioredis'
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { Outcome } from '../../../src/delivery/deliver.ts'
import { type DeliveryQueue, openQueue, queuePlace } from '../../../src/delivery/queue.ts'
import { connectRedis } from '../../../src/delivery/redis.ts'
import { type DeliveryWorker, startWorker } from '../../../src/delivery/worker.ts'
import { log } from '../../../src/log.ts'
import { newMessageId } from '../../../src/mail/message-id.ts'
import { until } from '../../support/postern.ts'
import { type RunningRedis, startRedis, stopRedis } from '../../support/redis.ts'

log.level = 'silent'

let server: RunningRedis
let client: Redis | Cluster
let workers: Redis | Cluster
let queue: DeliveryQueue
let worker: DeliveryWorker | undefined

beforeEach(async () => {
  server = await startRedis()
  client = connectRedis(server.place, 'fails-fast')
  workers = connectRedis(server.place, 'waits')
  queue = openQueue(client, 'n')
  await until(() => client.status === 'ready')
})
afterEach(async () => {
  await worker?.close()
  worker = undefined
  await queue.close()
  client.disconnect()
  workers.disconnect()
  stopRedis()
})

/** Starts a worker whose deliveries come out as `outcomes` says, `done` after that; notes them. */
function start(outcomes: (Outcome | Error)[] = [], concurrency = 4): string[] {
  const ran: string[] = []
  worker = startWorker(workers, 'n', concurrency, async (id) => {
    ran.push(id)
    const outcome = outcomes.shift() ?? 'done'
    if (outcome instanceof Error) throw outcome
    return outcome
  })
  return ran
}

test('delivers what was added before it began and after, and leaves no job behind', async () => {
  const ids = [newMessageId(1), newMessageId(2)]
  await queue.add(ids.slice(0, 1))
  const ran = start(['done', 'gone'])
  await queue.add(ids.slice(1))
  await until(async () => ran.length === 2 && (await queue.unknown(ids)).length === 2)
  expect(ran.sort()).toEqual(ids)
})

test('a job whose outcome is dead or corrupt is done for the queue', async () => {
  const ids = [newMessageId(1), newMessageId(2)]
  start(['dead', 'corrupt'])
  await queue.add(ids)
  await until(async () => (await queue.unknown(ids)).length === 2)
})

test('tries again after the time that the delivery asks for, however often', async () => {
  const id = newMessageId(1)
  const ran = start([{ retryInMs: 30 }, { retryInMs: 10 }, { retryInMs: 20 }])
  await queue.add([id])
  await until(async () => (await queue.unknown([id])).length === 1)
  expect(ran).toEqual([id, id, id, id])
})

test('waits ten seconds when the spool itself fails, and forgets nothing', async () => {
  const id = newMessageId(1)
  start([new Error('EIO')])
  await queue.add([id])
  const bull = new Queue(queuePlace('n').name, {
    connection: client,
    prefix: queuePlace('n').prefix,
  })
  await until(async () => (await bull.getDelayedCount()) === 1)
  const [job] = await bull.getDelayed()
  expect(job?.id).toBe(id)
  expect(job?.delay).toBe(10_000)
  await bull.close()
})

test('goes on after Redis was killed and came back, empty, three times over', async () => {
  const ran = start()
  for (let round = 1; round <= 3; round += 1) {
    const id = newMessageId(round)
    await queue.add([id])
    await until(() => ran.includes(id))
    await server.kill()
    await until(() => client.status !== 'ready')
    await server.start()
    await until(() => client.status === 'ready')
  }
  const last = newMessageId(9)
  await queue.add([last])
  await until(() => ran.includes(last))
})

test('goes on after Redis hung', async () => {
  const ran = start()
  await queue.add([newMessageId(1)])
  await until(() => ran.length === 1)
  server.pause()
  const added = queue.add([newMessageId(2)])
  server.resume()
  await added
  await until(() => ran.length === 2)
})

test('delivers no more at once than it is told', async () => {
  let now = 0
  let most = 0
  let done = 0
  worker = startWorker(workers, 'n', 3, async () => {
    now += 1
    most = Math.max(most, now)
    await new Promise((resolve) => setImmediate(resolve))
    await client.ping()
    now -= 1
    done += 1
    return 'done'
  })
  await queue.add(Array.from({ length: 50 }, (_, index) => newMessageId(index)))
  await until(() => done === 50)
  expect(most).toBe(3)
})

test('a stop lets the delivery under way finish', async () => {
  const begun = Promise.withResolvers<void>()
  const goOn = Promise.withResolvers<void>()
  let finished = false
  worker = startWorker(workers, 'n', 1, async () => {
    begun.resolve()
    await goOn.promise
    finished = true
    return 'done'
  })
  await queue.add([newMessageId(1)])
  await begun.promise
  const closed = worker.close()
  worker = undefined
  goOn.resolve()
  await closed
  expect(finished).toBe(true)
})
