/**
 * Which blocks of our own code have run, by V8's own counters (node:inspector): an input that reaches a
 * block nothing had reached is kept and changed further. Has to begin before the code is loaded.
 */
import { Session } from 'node:inspector'

export type Coverage = {
  /** Blocks that have run since this was asked last, and never before that. */
  readonly fresh: () => ReadonlySet<string>
  /** Blocks that have run since either was asked last. */
  readonly now: () => ReadonlySet<string>
  readonly total: () => number
  readonly stop: () => void
}

type Range = { readonly startOffset: number; readonly endOffset: number; readonly count: number }
type Script = {
  readonly url: string
  readonly functions: readonly { readonly ranges: readonly Range[] }[]
}

export function startCoverage(): Coverage {
  const session = new Session()
  session.connect()
  const post = (method: string, parameters?: object): unknown => {
    // In its own thread the session answers at once.
    let answer: unknown
    session.post(method, parameters, (error, result) => {
      if (error !== null) throw error
      answer = result
    })
    return answer
  }
  post('Profiler.enable')
  post('Profiler.startPreciseCoverage', { callCount: true, detailed: true })
  const seen = new Set<string>()

  function now(): ReadonlySet<string> {
    const { result } = post('Profiler.takePreciseCoverage') as { result: readonly Script[] }
    const run = new Set<string>()
    for (const { url, functions } of result) {
      const name = /\/src\/(.*)$/.exec(url)?.[1]
      if (name === undefined) continue
      for (const { startOffset, endOffset, count } of functions.flatMap(({ ranges }) => ranges)) {
        if (count > 0) run.add(`${name}:${startOffset}-${endOffset}`)
      }
    }
    return run
  }

  return {
    now,
    fresh() {
      const found = now().difference(seen)
      for (const block of found) seen.add(block)
      return found
    },
    total: () => seen.size,
    stop: () => session.disconnect(),
  }
}
