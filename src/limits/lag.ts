/**
 * How late this process is: how long what is due now has to wait for its turn. Sessions queue nowhere
 * else, so a client waits that long for each answer. It is the least of the last moments: one stall, of a
 * collection of garbage or of the machine, is no overload, and the first moment in time ends one.
 */
export type Lag = {
  readonly milliseconds: () => number
  readonly stop: () => void
}

const everyMs = 20
const moments = 3

export function lag(now: () => number = () => performance.now()): Lag {
  let due = now() + everyMs
  let late: readonly number[] = Array(moments).fill(0)
  const timer = setInterval(() => {
    const at = now()
    late = [...late.slice(1), at - due]
    due = at + everyMs
  }, everyMs)
  timer.unref()
  return {
    milliseconds: () => Math.max(0, Math.min(...late)),
    stop: () => clearInterval(timer),
  }
}
