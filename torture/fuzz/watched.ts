/**
 * One target in a thread of its own, watched from outside: whoever hangs can't say so. What it is fed with
 * stands in shared memory, so that the input that did it is known.
 */
import { Worker } from 'node:worker_threads'

export type Job = {
  readonly name: string
  readonly seconds: number
  readonly seed: number
  readonly shared: SharedArrayBuffer
}

export type Broken = { readonly input?: Uint8Array; readonly reason: string }

export type Report = {
  readonly cases: number
  readonly kept: readonly Uint8Array[]
  readonly slowestMs: number
  /** Heap that is not given back, in MB. */
  readonly grownMB: number
  readonly blocks: number
  readonly broken: readonly Broken[]
}

/** Octets of the input; before them its number and its length, 32 bits each. */
export const sharedHead = 8
const sharedLength = sharedHead + 2 ** 21
/** Of the processor's time, this process's alone: on the clock, a machine that others use may stand still. */
const hangSeconds = 20

export function runWatched(job: Omit<Job, 'shared'>): Promise<Report> {
  const shared = new SharedArrayBuffer(sharedLength)
  const workerData: Job = { ...job, shared }
  const worker = new Worker(new URL('./worker.ts', import.meta.url), { workerData })
  const head = new Int32Array(shared, 0, 2)
  let seen = 0
  let since = process.cpuUsage()
  return new Promise((resolve, reject) => {
    const watch = setInterval(() => {
      const now = Atomics.load(head, 0)
      if (now !== seen) since = process.cpuUsage()
      seen = now
      const { user, system } = process.cpuUsage(since)
      if ((user + system) / 1e6 < hangSeconds) return
      clearInterval(watch)
      const input = Buffer.from(new Uint8Array(shared, sharedHead, Atomics.load(head, 1)))
      const broken = [{ input, reason: `takes more than ${hangSeconds} s` }]
      const slowestMs = hangSeconds * 1000
      resolve({ cases: seen, kept: [], slowestMs, grownMB: 0, blocks: 0, broken })
      void worker.terminate()
    }, 500)
    worker.once('message', (report: Report) => {
      clearInterval(watch)
      resolve(report)
    })
    worker.once('error', (error) => {
      clearInterval(watch)
      reject(error)
    })
  })
}
