/** The gate before a service: so many at once, and none while it is down. */
import { expect, test } from 'vitest'
import { type GateState, gate } from '../../../src/verdicts/gate.ts'

const never = new AbortController().signal
const ok = async (): Promise<string> => 'ok'
const bad = async (): Promise<string> => 'bad'
const isBad = (result: string): boolean => result === 'bad'

function watched(concurrency = 2) {
  let time = 0
  const states: GateState[] = []
  const entrance = gate({
    concurrency,
    failures: 3,
    firstPauseMs: 1000,
    maxPauseMs: 3000,
    now: () => time,
    onChange: (state) => states.push(state),
  })
  return {
    states,
    pass: (work: () => Promise<string>) => entrance.run(never, work, isBad),
    run: entrance.run,
    later(ms: number) {
      time += ms
    },
  }
}

test('no more than its number run at once; the next goes in when one is done', async () => {
  const { run } = watched(2)
  let running = 0
  let most = 0
  const ends: (() => void)[] = []
  const work = async (): Promise<string> => {
    running += 1
    most = Math.max(most, running)
    await new Promise<void>((resolve) => ends.push(resolve))
    running -= 1
    return 'ok'
  }
  const all = Array.from({ length: 6 }, () => run(never, work, isBad))
  do {
    ends.shift()?.()
    await new Promise((resolve) => setImmediate(resolve))
  } while (ends.length > 0)
  expect(await Promise.all(all)).toEqual(Array(6).fill('ok'))
  expect(most).toBe(2)
})

test('who waits leaves as busy when the time is over, and takes no place', async () => {
  const { run } = watched(1)
  const hold = Promise.withResolvers<string>()
  const first = run(never, () => hold.promise, isBad)
  const stop = new AbortController()
  const second = run(stop.signal, ok, isBad)
  stop.abort()
  expect(await second).toBe('busy')
  expect(await run(stop.signal, ok, isBad)).toBe('busy')
  hold.resolve('ok')
  expect(await first).toBe('ok')
  expect(await run(never, ok, isBad)).toBe('ok')
})

test('failures in a row shut it, a success in between does not', async () => {
  const { pass, states } = watched()
  for (const work of [bad, bad, ok, bad, bad]) await pass(work)
  expect(states).toEqual([])
  await pass(bad)
  expect(states).toEqual(['open'])
  expect(await pass(ok)).toBe('unavailable')
})

test('after a pause one is let through, and decides', async () => {
  const { pass, states, later } = watched()
  for (const work of [bad, bad, bad]) await pass(work)
  later(1000)
  const hold = Promise.withResolvers<string>()
  const trial = pass(() => hold.promise)
  expect(await pass(ok)).toBe('unavailable')
  hold.resolve('bad')
  expect(await trial).toBe('bad')
  later(1999)
  expect(await pass(ok)).toBe('unavailable')
  later(1)
  expect(await pass(ok)).toBe('ok')
  expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed'])
})

test('of many that fail at once the pause grows by one step', async () => {
  const { run, pass, later } = watched(10)
  const fail = Promise.withResolvers<string>()
  const all = Array.from({ length: 10 }, () => run(never, () => fail.promise, isBad))
  fail.resolve('bad')
  await Promise.all(all)
  later(1000)
  expect(await pass(ok)).toBe('ok')
})

test('the pause grows to its limit and starts anew once it works', async () => {
  const { pass, later } = watched()
  for (const work of [bad, bad, bad]) await pass(work)
  for (const pause of [1000, 2000, 3000, 3000]) {
    later(pause - 1)
    expect(await pass(bad)).toBe('unavailable')
    later(1)
    expect(await pass(bad)).toBe('bad')
  }
  later(3000)
  expect(await pass(ok)).toBe('ok')
  for (const work of [bad, bad, bad]) await pass(work)
  later(1000)
  expect(await pass(ok)).toBe('ok')
})

test('what throws is our own fault: it is passed on and shuts nothing', async () => {
  const { pass, states, later } = watched()
  const throws = () => Promise.reject(new Error('ours'))
  for (let time = 0; time < 5; time += 1) await expect(pass(throws)).rejects.toThrow('ours')
  expect(await pass(ok)).toBe('ok')
  for (const work of [bad, bad, bad]) await pass(work)
  later(1000)
  await expect(pass(throws)).rejects.toThrow('ours')
  expect(await pass(ok)).toBe('ok')
  expect(states).toEqual(['open', 'half-open', 'open', 'half-open', 'closed'])
})
