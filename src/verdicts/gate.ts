/**
 * Stands before a service: so many questions at once, and none for a while when it has failed several
 * times in a row, so that a dead service costs each message nothing (circuit breaker). Knows no service.
 */

export type GateState =
  | 'closed' //    it works
  | 'open' //      it has failed: nobody is let through
  | 'half-open' // one is let through, to see

export type Gate = {
  /**
   * Runs `work` when there is room. 'busy' when `signal` aborts first, 'unavailable' at once while the
   * service is taken to be down. A rejection is our own fault: it is passed on and says nothing of the service.
   */
  readonly run: <T>(
    signal: AbortSignal,
    work: () => Promise<T>,
    failed: (result: T) => boolean,
  ) => Promise<T | 'busy' | 'unavailable'>
  readonly state: () => GateState
}

export type GateOptions = {
  readonly concurrency: number
  /** Failures in a row after which it is taken to be down. */
  readonly failures: number
  /** How long nobody is let through, the first time; twice as long each further time. */
  readonly firstPauseMs: number
  readonly maxPauseMs: number
  readonly now?: () => number
  readonly onChange?: (state: GateState) => void
}

export function gate(options: GateOptions): Gate {
  const { concurrency, failures, firstPauseMs, maxPauseMs } = options
  const now = options.now ?? (() => performance.now())
  const waiting = new Set<() => void>()
  let running = 0
  let failed = 0
  let pauseMs = firstPauseMs
  let openUntil = 0
  let state: GateState = 'closed'

  function become(next: GateState): void {
    if (next === state) return
    state = next
    options.onChange?.(next)
  }

  /** Takes a place, or resolves with false when there is none before `signal` aborts. */
  function entered(signal: AbortSignal): Promise<boolean> {
    if (running < concurrency) {
      running += 1
      return Promise.resolve(true)
    }
    return new Promise((resolve) => {
      const settle = (found: boolean): void => {
        waiting.delete(enter)
        signal.removeEventListener('abort', leave)
        resolve(found)
      }
      const enter = (): void => settle(true)
      const leave = (): void => settle(false)
      waiting.add(enter)
      signal.addEventListener('abort', leave, { once: true })
    })
  }

  function note(ok: boolean): void {
    if (ok) {
      failed = 0
      pauseMs = firstPauseMs
      become('closed')
      return
    }
    // One that was let through before it was shut says nothing new.
    if (state === 'open') return
    failed += 1
    if (failed < failures && state === 'closed') return
    openUntil = now() + pauseMs
    pauseMs = Math.min(pauseMs * 2, maxPauseMs)
    become('open')
  }

  return {
    state: () => state,
    async run(signal, work, isFailure) {
      if (signal.aborted) return 'busy'
      if (state === 'half-open' || (state === 'open' && now() < openUntil)) return 'unavailable'
      const trial = state === 'open'
      if (trial) become('half-open')
      if (!(await entered(signal))) {
        if (trial) become('open')
        return 'busy'
      }
      try {
        const result = await work()
        note(!isFailure(result))
        return result
      } catch (error) {
        if (trial) become('open')
        throw error
      } finally {
        // The place goes to the next in line: nobody who comes just now can take it.
        const [next] = waiting
        if (next === undefined) running -= 1
        else next()
      }
    },
  }
}
