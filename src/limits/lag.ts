/**
 * How late this process is: its timers, or what waits for its turn, whichever is later. A client waits that
 * long for each answer. It is the least of the last moments: one stall, of a
 * collection of garbage or of the machine, is no overload, and the first moment in time ends one.
 */
export type Lag = {
  readonly milliseconds: () => number
  readonly stop: () => void
}

const everyMs = 20
const moments = 3

/** `waited`: how long what waits longest has waited, in milliseconds. */
export function lag(
  waited: () => number = () => 0,
  now: () => number = () => performance.now(),
): Lag {
  let due = now() + everyMs
  let late: readonly number[] = Array(moments).fill(0)
  const timer = setInterval(() => {
    const at = now()
    late = [...late.slice(1), Math.max(at - due, waited())]
    due = at + everyMs
  }, everyMs)
  timer.unref()
  return {
    milliseconds: () => Math.max(0, Math.min(...late)),
    stop: () => clearInterval(timer),
  }
}
