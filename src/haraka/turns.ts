/**
 * Who runs commands next: all sessions of the process in one line, first come first served, so many commands a
 * turn of the event loop. What waits, waits here, where it is seen (`waitedMs`) and new work can be refused. Left alone,
 * it waits in the kernel: libuv ≥ 1.45 takes one connection a turn, so that long turns fill the backlog with
 * clients that nobody answers.
 */

/** Runs a few commands; how many. */
export type Work = () => number

const perTurn = 20

/** Since when each waits, in order. */
const waiting = new Map<Work, number>()
let allowance = perTurn
let connections = 0
let due = false

/** At the end of the line, unless it stands there already. */
export function waitForTurn(work: Work): void {
  if (!waiting.has(work)) waiting.set(work, performance.now())
  schedule()
}

/**
 * While connections come, the line has every other turn for one of it: so connections are taken several times
 * as fast as messages, or told at once that they can't be.
 */
export function connectionCame(): void {
  connections += 1
  allowance = connections % 2
  schedule()
}

/** How long the first in the line has waited. */
export function waitedMs(): number {
  for (const [, since] of waiting) return performance.now() - since
  return 0
}

function schedule(): void {
  if (due) return
  due = true
  setImmediate(nextTurn)
}

function nextTurn(): void {
  due = false
  let ran = 0
  for (const [work] of waiting) {
    if (ran >= allowance) break
    waiting.delete(work)
    ran += work()
  }
  allowance = perTurn
  if (waiting.size > 0) schedule()
}
