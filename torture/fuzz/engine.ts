/** Feeds one target until the time is up or so many cases are through. */
import type { Coverage } from './coverage.ts'
import { mutate, type Random } from './mutate.ts'
import { seedsOf, type Target } from './target.ts'

export type Bounds = {
  readonly cases: number
  /** When to stop at the latest, by performance.now(). */
  readonly until: number
  readonly random: Random
  readonly coverage?: Coverage
  /** Told of each input before it is fed, for whoever watches over it. */
  readonly before?: (input: Uint8Array) => void
}

export type Failure = { readonly input: Uint8Array; readonly error: unknown }

export type Outcome = {
  readonly cases: number
  readonly failures: readonly Failure[]
  /** Inputs that reached code which nothing before had. */
  readonly kept: readonly Uint8Array[]
  readonly slowestMs: number
}

/** Longest time for one input: each is far below what its caller allows. */
export const slowMs = 2000

/** Coverage costs milliseconds to ask for, so that it is asked for many at once. */
const batch = 64
const maxFailures = 5
/** Of a changed input: many small ones find more than few large ones; growth.ts is for those. */
const largest = 8192

export async function fuzzTarget(target: Target, bounds: Bounds): Promise<Outcome> {
  const { random, coverage } = bounds
  const pool: Uint8Array[] = [...seedsOf(target)]
  const kept: Uint8Array[] = []
  const failures: Failure[] = []
  const known = new Set<string>()
  let cases = 0
  let slowestMs = 0
  const most = Math.min(target.maxBytes ?? 4096, largest)
  const going = (): boolean =>
    cases < bounds.cases && performance.now() < bounds.until && failures.length < maxFailures

  async function feed(input: Uint8Array): Promise<void> {
    cases += 1
    bounds.before?.(input)
    // The processor's time: others may use the machine.
    const began = process.cpuUsage()
    try {
      await target.run(input)
      const { user, system } = process.cpuUsage(began)
      const took = (user + system) / 1000
      slowestMs = Math.max(slowestMs, took)
      if (took > slowMs) throw new Error(`broken: takes ${took.toFixed(0)} ms`)
    } catch (error) {
      // The same failure a hundred times is one.
      const kind = String(error instanceof Error ? error.stack : error)
        .replace(/\d+/g, '#')
        .slice(0, 400)
      if (!known.has(kind)) failures.push({ input: Buffer.from(input), error })
      known.add(kind)
    }
  }

  for (const seed of [...pool]) if (going()) await feed(seed)
  coverage?.fresh()
  while (going()) {
    const inputs = Array.from({ length: batch }, () => {
      const from = pool[Math.floor(random() * pool.length)] ?? Buffer.alloc(0)
      return mutate(from, pool, target.tokens, random, most)
    })
    for (const input of inputs) if (going()) await feed(input)
    if (coverage === undefined) continue
    const wanted = new Set(coverage.fresh())
    for (const input of inputs) {
      if (wanted.size === 0) break
      await feed(input)
      const reached = coverage.now().intersection(wanted)
      if (reached.size === 0) continue
      for (const block of reached) wanted.delete(block)
      pool.push(input)
      kept.push(input)
    }
  }
  return { cases, failures, kept, slowestMs }
}
