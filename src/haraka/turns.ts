/**
 * Who runs commands next: all sessions of the process in one line, first come first served, so many commands a
 * turn of the event loop. What waits, waits here, where it is seen (`waitedMs`) and new work can be refused. Left alone,
 * it waits in the kernel: libuv ≥ 1.45 takes one connection a turn, so that long turns fill the backlog with
 * clients that nobody answers.
 */

/** One that may stand in the line. */
export type Work = {
  /** Runs a few commands; how many. */
  readonly run: () => number
  /** Since when it waits; `undefined` when it does not. */
  since: number | undefined
}

const perTurn = 20

/** In order. Not a Map: see short-lived.ts. */
const waiting: Work[] = []
let allowance = perTurn
let connections = 0
let due = false

/** At the end of the line, unless it stands there already. */
export function waitForTurn(work: Work): void {
  if (work.since === undefined) {
    work.since = performance.now()
    waiting.push(work)
  }
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
  const since = waiting[0]?.since
  return since === undefined ? 0 : performance.now() - since
}

function schedule(): void {
  if (due) return
  due = true
  setImmediate(nextTurn)
}

function nextTurn(): void {
  due = false
  for (let ran = 0; ran < allowance; ) {
    const work = waiting.shift()
    if (work === undefined) break
    work.since = undefined
    ran += work.run()
  }
  allowance = perTurn
  if (waiting.length > 0) schedule()
}
