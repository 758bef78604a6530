/** The queue is an index of the spool in a real Redis: what Redis loses, forgets or keeps is made good. */
import { Queue, Worker } from 'bullmq'
import type { Cluster, Redis } from 'ioredis'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type DeliveryQueue, openQueue, queuePlace } from '../../../src/delivery/queue.ts'
import { nextSlice, reconcile, type Slice, wholeSpool } from '../../../src/delivery/reconcile.ts'
import { connectRedis } from '../../../src/delivery/redis.ts'
import { log } from '../../../src/log.ts'
import { newMessageId } from '../../../src/mail/message-id.ts'
import { freePort } from '../../support/port.ts'
import { until } from '../../support/postern.ts'
import { type RunningRedis, startRedis, stopRedis } from '../../support/redis.ts'
import { keep, restOfRecord, Spool, scratch } from '../spool/support.ts'

log.level = 'silent'

let server: RunningRedis
let client: Redis | Cluster
let queue: DeliveryQueue
/** BullMQ's own view of the same queue. */
let bull: Queue
let spool: Spool

beforeAll(async () => {
  server = await startRedis()
})
afterAll(stopRedis)

beforeEach(async () => {
  await server.cli('FLUSHALL')
  client = connectRedis(server.place, 'fails-fast')
  queue = openQueue(client, 'mx.example.test')
  await until(() => client.status === 'ready')
  bull = new Queue(queuePlace('mx.example.test').name, {
    connection: client,
    prefix: queuePlace('mx.example.test').prefix,
  })
  bull.on('error', () => {})
  spool = new Spool(scratch())
})
afterEach(async () => {
  spool.close()
  await bull.close()
  await queue.close()
  client.disconnect()
})

const message = Buffer.from('Subject: secret subject\r\n\r\nsecret body\r\n')
const minutesAgo = (minutes: number): string => newMessageId(Date.now() - minutes * 60_000)
const keepOne = (id?: string): Promise<string> => keep(spool, message, restOfRecord(id))
const jobs = async (): Promise<string[]> =>
  (await bull.getJobs(['wait', 'delayed', 'active', 'prioritized']))
    .map(({ id }) => id ?? '')
    .sort()

/** Every value in Redis, whatever its type, as text. */
async function everything(): Promise<string> {
  const texts: string[] = []
  for (const key of (await server.cli('KEYS', '*')).split('\n')) {
    const type = await server.cli('TYPE', key)
    const read = {
      hash: ['HGETALL', key],
      list: ['LRANGE', key, '0', '-1'],
      zset: ['ZRANGE', key, '0', '-1', 'WITHSCORES'],
      set: ['SMEMBERS', key],
      stream: ['XRANGE', key, '-', '+'],
      string: ['GET', key],
    }[type]
    texts.push(key, read === undefined ? `unknown type ${type}` : await server.cli(...read))
  }
  return texts.join('\n')
}

describe('add', () => {
  test('of the same entry again and again makes one job', async () => {
    const id = await keepOne()
    await queue.add([id])
    await queue.add([id, id])
    await Promise.all([queue.add([id]), queue.add([id])])
    expect(await jobs()).toEqual([id])
  })

  test('puts the id into Redis and nothing else of the message', async () => {
    const ids = [await keepOne(), await keepOne(), await keepOne()]
    await queue.add(ids.slice(0, 1))
    await queue.add(ids.slice(1))
    expect(JSON.parse(await server.cli('HGET', bull.toKey(ids[0] ?? ''), 'data'))).toEqual({
      id: ids[0],
    })
    const all = await everything()
    expect(all).toContain(ids[2])
    for (const secret of ['secret', 'sender', 'you@', '192.0.2.1', 'client.example', 'inbox']) {
      expect(all).not.toContain(secret)
    }
  })

  test('fails at once while Redis is away, and works again when it is back', async () => {
    const id = await keepOne()
    await server.kill()
    await until(() => client.status !== 'ready')
    await expect(queue.add([id])).rejects.toThrow()
    await server.start()
    await until(() => client.status === 'ready')
    await queue.add([id])
    expect(await jobs()).toEqual([id])
  })

  test('fails at once while a thousand wait for a Redis that hangs: memory is bounded', async () => {
    const ids = Array.from({ length: 1000 }, (_, index) => newMessageId(index))
    server.pause()
    const waiting = ids.map((id) => queue.add([id]))
    await expect(queue.add([newMessageId(1)])).rejects.toThrow('too slow')
    server.resume()
    await Promise.all(waiting)
    expect(await bull.getWaitingCount()).toBe(1000)
    await queue.add([newMessageId(1)])
  })

  test('fails at once before Redis was ever there', async () => {
    const nowhere = connectRedis(`unix:${scratch()}/none`, 'fails-fast')
    await expect(openQueue(nowhere, 'n').add([newMessageId(0)])).rejects.toThrow('not answered yet')
    nowhere.disconnect()
  })
})

describe('announce', () => {
  test('adds an entry', async () => {
    const id = await keepOne()
    queue.announce(id)
    await until(async () => (await jobs()).length > 0)
    expect(await jobs()).toEqual([id])
  })

  // No worker's sweep runs here: only what was announced can come.
  test.each([
    ['is there for the first time', 'it took mail before its connection stood'],
    ['is back', 'its connection alone was lost'],
  ])('adds what it could not once Redis %s (%s)', async (when) => {
    const late = await startRedis({ port: await freePort() })
    const own = connectRedis(late.place, 'fails-fast')
    const announced = openQueue(own, 'late')
    if (when === 'is back') {
      await late.start()
      await until(() => own.status === 'ready')
      await late.kill()
      await until(() => own.status !== 'ready')
    }
    const ids = Array.from({ length: 1200 }, (_, index) => newMessageId(index))
    for (const each of ids) announced.announce(each)
    await new Promise(setImmediate)
    await late.start()
    const { name, prefix } = queuePlace('late')
    const waiting = async (): Promise<string[]> =>
      (await late.cli('LRANGE', `${prefix}:${name}:wait`, '0', '-1')).split('\n')
    await until(async () => (await waiting()).length >= 1000)
    // The rest is the sweep's: memory is bounded.
    const added = new Set(await waiting())
    expect(added.size).toBe(1000)
    expect(added.difference(new Set(ids)).size).toBe(0)
    await announced.close()
    own.disconnect()
    await late.kill()
  })
})

describe('reconcile', () => {
  test('adds all entries to an empty Redis, and none a second time', async () => {
    const ids = (await Promise.all(Array.from({ length: 20 }, () => keepOne()))).sort()
    expect(await reconcile(spool, queue)).toEqual({ entries: 20, added: 20 })
    expect(await jobs()).toEqual(ids)
    expect(await reconcile(spool, queue)).toEqual({ entries: 20, added: 0 })
    await server.cli('FLUSHALL')
    expect(await reconcile(spool, queue)).toEqual({ entries: 20, added: 20 })
    expect(await jobs()).toEqual(ids)
  })

  test('adds what one transaction of Redis cannot hold in several', async () => {
    await Promise.all(Array.from({ length: 1100 }, () => keepOne()))
    expect(await reconcile(spool, queue)).toEqual({ entries: 1100, added: 1100 })
    expect(await bull.getWaitingCount()).toBe(1100)
  })

  test('of an empty spool does nothing', async () => {
    expect(await reconcile(spool, queue)).toEqual({ entries: 0, added: 0 })
  })

  test('rejects while Redis is away', async () => {
    await keepOne()
    await server.kill()
    await until(() => client.status !== 'ready')
    await expect(reconcile(spool, queue)).rejects.toThrow()
    await server.start()
    await until(() => client.status === 'ready')
  })

  const leftovers = [
    // state, why
    ['completed', 'a job that finished and stayed hides its id for ever (pitfalls P62)'],
    ['failed', 'so does one that BullMQ gave up (P64)'],
    ['unknown', 'a job in no list is never taken up'],
  ] as const

  test.for(leftovers)('an old entry whose job is %s is added again: %s', async ([state]) => {
    const id = await keepOne(minutesAgo(11))
    await bull.add('deliver', { id }, { jobId: id, attempts: 1 })
    if (state === 'unknown') await server.cli('LREM', bull.toKey('wait'), '0', id)
    else {
      const connection = connectRedis(server.place, 'waits')
      const worker = new Worker(
        bull.name,
        async () => {
          if (state === 'failed') throw new Error('given up')
        },
        { connection, prefix: queuePlace('mx.example.test').prefix },
      )
      await until(async () => (await bull.getJobState(id)) === state)
      await worker.close()
      connection.disconnect()
    }
    expect(await bull.getJobState(id)).toBe(state)
    expect(await reconcile(spool, queue)).toEqual({ entries: 1, added: 1 })
    expect(await bull.getJobState(id)).toBe('waiting')
  })

  test('leaves alone an old entry that waits, for its turn or its next attempt', async () => {
    const [waiting, delayed] = [await keepOne(minutesAgo(60)), await keepOne(minutesAgo(60))]
    await queue.add([waiting])
    await bull.add('deliver', { id: delayed }, { jobId: delayed, delay: 3_600_000 })
    expect(await reconcile(spool, queue)).toEqual({ entries: 2, added: 0 })
    expect(await bull.getJobState(delayed)).toBe('delayed')
  })

  test('finds the one lost job among many old ones in as many runs as there are slices', async () => {
    const ids = await Promise.all(Array.from({ length: 900 }, () => keepOne(minutesAgo(60))))
    await queue.add(ids)
    // The last that the directory gives: what is looked at first is not always the same.
    const lost = (await Array.fromAsync(spool.ids())).at(-1) ?? ''
    await server.cli('LREM', bull.toKey('wait'), '0', lost)
    let slice: Slice = nextSlice(wholeSpool, 900)
    expect(slice.of).toBe(5)
    let added = 0
    for (let run = 0; run < slice.of; run += 1, slice = nextSlice(slice, 900)) {
      added += (await reconcile(spool, queue, slice)).added
    }
    expect(added).toBe(1)
    expect(await bull.getJobState(lost)).toBe('waiting')
  })
})

test('clear forgets every job, those under way and those that wait for another attempt included', async () => {
  const [waiting, delayed] = [newMessageId(1), newMessageId(2)]
  await queue.add([waiting])
  await bull.add('deliver', { id: delayed }, { jobId: delayed, delay: 3_600_000 })
  await queue.clear()
  expect(await jobs()).toEqual([])
  expect(await queue.unknown([waiting, delayed])).toEqual([waiting, delayed])
})

test('promote makes an entry due now, whatever it waits for', async () => {
  const [waiting, delayed, none] = [newMessageId(1), newMessageId(2), newMessageId(3)]
  await queue.add([waiting])
  await bull.add('deliver', { id: delayed }, { jobId: delayed, delay: 3_600_000 })
  for (const id of [waiting, delayed, none]) await queue.promote(id)
  expect(await bull.getJobState(delayed)).toBe('waiting')
  expect(await bull.getJobState(waiting)).toBe('waiting')
})

test('two nodes on one Redis do not see each other', async () => {
  const other = openQueue(client, 'mx2.example.test')
  const id = newMessageId(1)
  await queue.add([id])
  expect(await other.unknown([id])).toEqual([id])
  await other.add([newMessageId(2)])
  await other.clear()
  expect(await queue.unknown([id])).toEqual([])
  await other.close()
})
