/** Carrying out a plan: in order, each action once where that is possible, given up only when seen. */
import { mkdirSync, readdirSync, readFileSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import type { Action, Delivery } from '../../../src/actions/action.ts'
import { deliverer, retryDelay } from '../../../src/delivery/deliver.ts'
import { PermanentError } from '../../../src/errors.ts'
import { log } from '../../../src/log.ts'
import { newMessageId } from '../../../src/mail/message-id.ts'
import type { PlannedAction, RuleAction } from '../../../src/rules/rule-set.ts'
import { noProgress } from '../../../src/spool/progress.ts'
import { filesOf, keep, messageIn, restOfRecord, Spool, scratch } from '../spool/support.ts'

log.level = 'silent'

const policy = { retrySeconds: 3600, firstRetryMs: 1000, maxRetryMs: 60_000 }
const message = Buffer.from('Subject: x\r\n\r\nbody\r\n')

let dataDir: string
let spool: Spool

beforeEach(() => {
  dataDir = scratch()
  spool = new Spool(dataDir)
  // The clock stands; timers of the disk go on.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
})
afterEach(() => {
  vi.useRealTimers()
  spool.close()
})

function planOf(...actions: RuleAction[]): PlannedAction[] {
  return actions.map((action) => {
    return { rule: 'all', action, recipients: ['you@example.test'], scan: true }
  })
}

const store = (BucketName: string): RuleAction => ({ S3Action: { BucketName } })
const addHeader = (HeaderName: string): RuleAction => ({
  AddHeaderAction: { HeaderName, HeaderValue: 'v' },
})

function nameOf({ planned: { action } }: Delivery): string {
  return 'S3Action' in action ? action.S3Action.BucketName : (Object.keys(action)[0] ?? '')
}

/** Actions that note their turn, and fail as often as `failures` says before they succeed. */
function actor(failures: Record<string, unknown[]> = {}): { act: Action; ran: string[] } {
  const ran: string[] = []
  const act: Action = async (delivery) => {
    const name = nameOf(delivery)
    ran.push(name)
    const failure = failures[name]?.shift()
    if (failure !== undefined) throw failure
  }
  return { act, ran }
}

const keepPlan = (...actions: RuleAction[]): Promise<string> =>
  keep(spool, message, { ...restOfRecord(), plan: planOf(...actions) })

test('actions are carried out in the order of the plan, and then the entry is gone', async () => {
  const id = await keepPlan(store('a'), addHeader('X-A'), store('b'), store('c'))
  const { act, ran } = actor()
  expect(await deliverer(spool, act, policy)(id)).toBe('done')
  expect(ran).toEqual(['a', 'b', 'c'])
  expect([...filesOf(dataDir, 'queue'), ...filesOf(dataDir, 'progress')]).toEqual([])
})

test('an action sees the message, its record and the headers added before it, no later ones', async () => {
  const id = await keepPlan(store('a'), addHeader('X-1'), store('b'), addHeader('X-2'), store('c'))
  const seen: Record<string, string[]> = {}
  const act: Action = async (delivery) => {
    if (!('S3Action' in delivery.planned.action)) return
    seen[nameOf(delivery)] = delivery.added.map(({ name, value }) => `${name}: ${value}`)
    expect(delivery.record.id).toBe(id)
    expect(Buffer.concat(await Array.fromAsync(delivery.message()))).toEqual(message)
  }
  await deliverer(spool, act, policy)(id)
  expect(seen).toEqual({ a: [], b: ['X-1: v'], c: ['X-1: v', 'X-2: v'] })
})

test('after a failure the next attempt begins with the action that failed', async () => {
  const id = await keepPlan(store('a'), store('b'), store('c'))
  const { act, ran } = actor({ b: [new Error('away')], c: [new Error('away')] })
  const deliver = deliverer(spool, act, policy, () => 1)
  expect(await deliver(id)).toEqual({ retryInMs: 1000 })
  vi.advanceTimersByTime(1000)
  expect(await deliver(id)).toEqual({ retryInMs: 1000 })
  vi.advanceTimersByTime(1000)
  expect(await deliver(id)).toBe('done')
  expect(ran).toEqual(['a', 'b', 'b', 'c', 'c'])
})

test('what is done is known to another process, and forgotten with its progress', async () => {
  const id = await keepPlan(store('a'), store('b'))
  const failing = actor({ b: [new Error('away')] })
  await deliverer(spool, failing.act, policy)(id)
  expect(await spool.progress(id)).toMatchObject({
    done: [0],
    failures: { 1: { attempts: 1, reason: 'away', next: expect.any(Number) } },
  })
  writeFileSync(join(dataDir, 'spool/progress', `${id}.json`), '')
  const again = actor()
  expect(await deliverer(new Spool(dataDir), again.act, policy)(id)).toBe('done')
  expect(again.ran).toEqual(['a', 'b'])
})

test('an action that fails for good makes a dead letter at once, with the reason', async () => {
  const id = await keepPlan(store('a'), store('b'))
  const { act, ran } = actor({ b: [new PermanentError('no such key')] })
  expect(await deliverer(spool, act, policy)(id)).toBe('dead')
  expect(ran).toEqual(['a', 'b'])
  expect(filesOf(dataDir, 'queue')).toEqual([])
  expect(await spool.deadIds()).toEqual([id])
  expect(await spool.progress(id, 'dead')).toMatchObject({
    done: [0],
    failures: { 1: { attempts: 1, reason: 'no such key' } },
  })
})

test('when its time is over it is a dead letter, and retried it begins with what failed', async () => {
  const id = await keepPlan(store('a'), store('b'))
  const cause = new Error('connect ECONNREFUSED')
  const failures = Array.from({ length: 3 }, () => new Error('the store is away', { cause }))
  const { act, ran } = actor({ b: failures })
  const deliver = deliverer(spool, act, policy)
  await deliver(id)
  vi.advanceTimersByTime(3_599_000)
  expect(await deliver(id)).toEqual({ retryInMs: 1000 })
  vi.advanceTimersByTime(1000)
  expect(await deliver(id)).toBe('dead')
  expect(await spool.progress(id, 'dead')).toMatchObject({
    failures: { 1: { attempts: 3, reason: 'the store is away: connect ECONNREFUSED' } },
  })
  expect(await deliver(id)).toBe('gone')

  await spool.unbury(id)
  expect(await deliver(id)).toBe('done')
  expect(ran).toEqual(['a', 'b', 'b', 'b', 'b'])
  expect(readdirSync(join(dataDir, 'dead'))).toEqual([])
})

test('an action may throw what is no Error at all', async () => {
  const id = await keepPlan(store('a'))
  const { act } = actor({ a: ['a string', null] })
  const deliver = deliverer(spool, act, policy, () => 0)
  expect(await deliver(id)).toEqual({ retryInMs: 500 })
  expect((await spool.progress(id)).failures[0]?.reason).toBe('a string')
  vi.advanceTimersByTime(500)
  expect(await deliver(id)).toEqual({ retryInMs: 1000 })
  expect((await spool.progress(id)).failures[0]?.reason).toBe('null')
})

describe('a damaged entry', () => {
  const damages = [
    // how, why
    ['cut', 'the trailer is gone'],
    ['flipped', 'an octet of the message is another: only reading it to the end tells'],
  ] as const

  test.for(damages)(
    'that was %s is moved aside and never given to a reader whole: %s',
    async ([how]) => {
      const id = await keepPlan(store('a'))
      const path = join(dataDir, 'spool/queue', id)
      const octets = readFileSync(path)
      if (how === 'cut') truncateSync(path, octets.length - 1)
      else {
        octets[0] = 88
        writeFileSync(path, octets)
      }
      let whole = false
      const act: Action = async (delivery) => {
        for await (const _ of delivery.message());
        whole = true
      }
      expect(await deliverer(spool, act, policy)(id)).toBe('corrupt')
      expect(whole).toBe(false)
      expect(filesOf(dataDir, 'queue')).toEqual([])
      expect(await spool.corruptIds()).toEqual([id])
    },
  )
})

test('an entry that is not there is gone, and no progress of it stays', async () => {
  const id = newMessageId(0)
  await spool.writeProgress(id, { ...noProgress, done: [0] })
  expect(await deliverer(spool, actor().act, policy)(id)).toBe('gone')
  expect(filesOf(dataDir, 'progress')).toEqual([])
})

test('a job added twice runs once: both have its outcome, and nothing is left behind', async () => {
  const id = await keepPlan(store('a'), store('b'))
  const { act, ran } = actor()
  const deliver = deliverer(spool, act, policy)
  expect(await Promise.all([deliver(id), deliver(id)])).toEqual(['done', 'done'])
  expect(ran).toEqual(['a', 'b'])
  expect(filesOf(dataDir, 'progress')).toEqual([])
  expect(await deliver(id)).toBe('gone')
})

test('an entry that another process finished cannot be given up any more', async () => {
  const id = await keepPlan(store('a'))
  const act: Action = async () => {
    await new Spool(dataDir).remove(id)
    throw new PermanentError('too late')
  }
  const deliver = deliverer(spool, act, policy)
  await expect(deliver(id)).rejects.toThrow('ENOENT')
  expect(await deliver(id)).toBe('gone')
  expect(readdirSync(join(dataDir, 'dead'))).toEqual([])
  expect(filesOf(dataDir, 'progress')).toEqual([])
})

test('when the spool itself fails, the delivery fails and nothing is lost', async () => {
  const id = await keepPlan(store('a'), store('b'))
  const deliver = deliverer(spool, actor().act, policy)
  const progress = join(dataDir, 'spool/progress')
  rmSync(progress, { recursive: true })
  // Plays a disk that gives no directory any more.
  writeFileSync(progress, 'not a directory')
  await expect(deliver(id)).rejects.toThrow('ENOTDIR')
  rmSync(progress)
  mkdirSync(progress)
  expect(await messageIn(spool, id)).toEqual(message)
  expect(await deliver(id)).toBe('done')
})

describe('the wait before the next attempt', () => {
  const policies = fc.record({
    firstRetryMs: fc.integer({ min: 10, max: 3_600_000 }),
    maxRetryMs: fc.integer({ min: 10, max: 86_400_000 }),
  })
  const attempts = fc.integer({ min: 1, max: 10_000 })
  const random = fc.double({ min: 0, max: 1, maxExcluded: true, noNaN: true })

  test('is between half and whole of the doubled first wait, and never above the longest', () => {
    const property = fc.property(attempts, policies, random, (attempt, retry, drawn) => {
      const wait = retryDelay(attempt, retry, drawn)
      const ceiling = Math.min(retry.firstRetryMs * 2 ** (attempt - 1), retry.maxRetryMs)
      expect(wait).toBeGreaterThanOrEqual(Math.floor(ceiling / 2))
      expect(wait).toBeLessThanOrEqual(ceiling)
      expect(Number.isSafeInteger(wait)).toBe(true)
    })
    fc.assert(property, { numRuns: 1000 })
  })

  test('never gets shorter with the attempts, the same number drawn', () => {
    const property = fc.property(attempts, policies, random, (attempt, retry, drawn) => {
      expect(retryDelay(attempt + 1, retry, drawn)).toBeGreaterThanOrEqual(
        retryDelay(attempt, retry, drawn),
      )
    })
    fc.assert(property, { numRuns: 1000 })
  })

  test('is an hour at most with the defaults', () => {
    const preset = { firstRetryMs: 5000, maxRetryMs: 3_600_000 }
    const waits = Array.from({ length: 79 }, (_, index) => retryDelay(index + 1, preset, 0))
    expect(Math.max(...waits)).toBe(1_800_000)
  })
})
