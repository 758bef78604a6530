/** Lateness: what stays late is overload, one stall is none, and it is over with the first moment in time. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { lag } from '../../../src/limits/lag.ts'

beforeEach(() => vi.useFakeTimers())
afterEach(() => vi.useRealTimers())

/** The lateness told after turns of the event loop that took so many milliseconds each. */
function after(...turns: readonly number[]): number {
  let now = 0
  const { milliseconds, stop } = lag(undefined, () => now)
  for (const each of turns) {
    now += each
    vi.advanceTimersByTime(20)
  }
  stop()
  return milliseconds()
}

const cases = [
  [[20, 20, 20], 0, 'all in time'],
  [[20, 2000, 20], 0, 'one stall'],
  [[2000, 2000], 0, 'two are no rule yet'],
  [[300, 500, 400], 280, 'the least of three'],
  [[300, 500, 400, 20], 0, 'over at once'],
] as const

test.for(cases)('turns of %j ms are %i ms late: %s', ([turns, late]) => {
  expect(after(...turns)).toBe(late)
})

test('what waits in the line counts as well as timers', () => {
  const { milliseconds, stop } = lag(() => 400)
  vi.advanceTimersByTime(100)
  stop()
  expect(milliseconds()).toBe(400)
})
