/**
 * `npm run bench`: Postern beside its peers on the same work, in one run on one machine. Only ratios within a
 * run say something. It ends by itself in ten minutes (`--quick`: two), leaving out what it has no time for.
 */
import { parseArgs } from 'node:util'
import { describeError } from '../src/errors.ts'
import { startDns } from '../test/support/dns.ts'
import { stopAll } from '../test/support/postern.ts'
import { ratioNames } from './goals.ts'
import { newMail } from './load.ts'
import { parts } from './parts.ts'
import { stopPeers, stopWhenKilled } from './peers/server.ts'
import type { Results } from './report.ts'
import { keep, machine, version } from './results.ts'
import type { Run } from './run.ts'
import { textOf } from './tables.ts'

/** After the time is over, for what is under way. */
const graceSeconds = 12
const budgetMs = { full: 570_000, quick: 100_000 }

export async function benchPeers(args: readonly string[]): Promise<void> {
  const { values } = parseArgs({
    args: [...args],
    options: {
      quick: { type: 'boolean', default: false },
      only: { type: 'string', multiple: true },
      rounds: { type: 'string' },
      seconds: { type: 'string' },
    },
  })
  const { quick, only, rounds } = values
  const unknown = only?.find((name) => !parts.some((part) => part.name === name))
  if (unknown !== undefined) {
    const names = parts.map(({ name }) => name).join(', ')
    throw new Error(`--only ${unknown}: there are ${names}`)
  }
  const form = quick ? 'quick' : 'full'
  const began = performance.now()
  const mail = newMail()
  const dns = await startDns(mail.zones)
  const stop = async (): Promise<void> => {
    await Promise.all([stopAll(), stopPeers(), dns.stop()])
    mail.stop()
  }
  stopWhenKilled(stop)
  const run: Run = {
    ...{ quick, mail, dns: dns.server, rows: [], ratios: {}, latency: [] },
    seconds: Number(values.seconds ?? (quick ? 0.5 : 1)),
    ...(rounds !== undefined && { rounds: Number(rounds) }),
  }
  let leftOut: readonly string[]
  try {
    leftOut = await measure(run, began + budgetMs[form], only)
  } finally {
    await stop()
  }
  const { rows, ratios, latency, memory } = run
  const results: Results = {
    ...{ when: new Date().toISOString(), commit: version(), form, machine: machine() },
    seconds: Math.round((performance.now() - began) / 1000),
    ...{ ratios, rows, latency, leftOut, ...(memory && { memory }) },
  }
  process.stdout.write(textOf(results))
  // A part would be taken for the whole.
  if (only !== undefined) return
  keep(results)
  // Not by itself: something that was given up may still be waiting.
  process.exit(ratioNames.every((name) => ratios[name] !== undefined) ? 0 : 1)
}

function late(seconds: number): Promise<'late'> {
  return new Promise((resolve) => setTimeout(() => resolve('late'), seconds * 1000).unref())
}

/** What was left out, and why. */
async function measure(
  run: Run,
  until: number,
  only: readonly string[] | undefined,
): Promise<string[]> {
  const leftOut: string[] = []
  const wanted = parts.filter(({ name, full }) => only?.includes(name) ?? !(run.quick && full))
  for (const [index, { name, seconds, measure }] of wanted.entries()) {
    const left = (until - performance.now()) / 1000
    const planned = wanted.slice(index).reduce((sum, part) => sum + part.seconds(run), 0)
    // Where the machine is slow, all that is left gets less; what is quicker than planned leaves more.
    const allowed = only === undefined ? seconds(run) * Math.min(1.5, left / planned) : left
    if (left < seconds(run) / 4) {
      leftOut.push(`${name}: there was no time`)
      continue
    }
    process.stderr.write(`bench: ${name}, ${left.toFixed(0)} s left\n`)
    try {
      const done = await Promise.race([measure(run, allowed), late(left + graceSeconds)])
      if (done === 'late') {
        return [...leftOut, `${name} and what follows: it did not end in its time`]
      }
    } catch (error) {
      leftOut.push(`${name}: ${describeError(error)}`)
    }
    await Promise.all([stopAll(), stopPeers()])
  }
  return leftOut
}
