/** The thread of watched.ts: fuzzes one target, then feeds it with inputs that grow. */
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import { parentPort, workerData } from 'node:worker_threads'
import { describeError } from '../../src/errors.ts'
import { seeded } from '../../test/support/seeded.ts'
import { startCoverage } from './coverage.ts'
import { fuzzTarget } from './engine.ts'
import { superlinear } from './growth.ts'
import { targetNamed } from './targets.ts'
import { type Broken, type Job, type Report, sharedHead } from './watched.ts'

/** A parser that keeps what it was given would show within so many cases. */
const mostGrownMB = 64
/** Of the time: for inputs that grow. */
const growthShare = 0.3

const { name, seconds, seed, shared } = workerData as Job
const head = new Int32Array(shared, 0, 2)
const octets = new Uint8Array(shared, sharedHead)

function fed(input: Uint8Array): void {
  octets.set(input.subarray(0, octets.length))
  Atomics.store(head, 1, Math.min(input.length, octets.length))
  Atomics.add(head, 0, 1)
}

setFlagsFromString('--expose-gc')
const collect = runInNewContext('gc') as () => void

function heapMB(): number {
  collect()
  return process.memoryUsage().heapUsed / 1024 / 1024
}

// Before any parser is loaded: V8 counts blocks only of code that it compiles from now on.
const coverage = startCoverage()
const target = await targetNamed(name)
const began = performance.now()
const before = heapMB()
const outcome = await fuzzTarget(target, {
  cases: Number.POSITIVE_INFINITY,
  until: began + seconds * 1000 * (1 - growthShare),
  random: seeded(seed),
  coverage,
  before: fed,
})
const grownMB = heapMB() - before
const blocks = coverage.total()
// Its counters cost time, and would be measured with the parser's.
coverage.stop()
const steep = await superlinear(target, began + seconds * 1000, fed)
const broken: Broken[] = [
  ...outcome.failures.map(({ input, error }) => ({ input, reason: describeError(error) })),
  ...steep,
  ...(grownMB > mostGrownMB ? [{ reason: `keeps ${grownMB.toFixed(0)} MB` }] : []),
]
const { cases, kept, slowestMs } = outcome
const report: Report = { cases, kept, slowestMs, grownMB, blocks, broken }
parentPort?.postMessage(report)
