/**
 * A real Postern under load from several sessions, whose processes are killed at random moments; and the
 * count when it has recovered. For test/e2e and `npm run torture`.
 */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, messageOf, type Sent, sendAll, type Tally, tally } from './load.ts'
import { type RunningPostern, startPostern, until } from './postern.ts'

const KiB = 1024

type Victim = {
  /** How often it is chosen, beside the others: what takes long to start again less often. */
  readonly weight: number
  readonly find: (pids: ReturnType<RunningPostern['pids']>) => number | undefined
}

/** What is killed. */
export const victims: Readonly<Record<string, Victim>> = {
  'SMTP primary': { weight: 2, find: ({ smtp }) => smtp?.[0] },
  'SMTP process': { weight: 4, find: ({ smtp }) => smtp?.at(-1) },
  worker: { weight: 4, find: ({ worker }) => worker?.[0] },
  Redis: { weight: 3, find: ({ redis }) => redis?.at(-1) },
  'whole tree': { weight: 1, find: ({ serve }) => serve?.[0] },
  // A new one begins while what is left of the old one is ending.
  'serve alone': { weight: 1, find: ({ serve }) => serve?.[0] },
}

export type Crashed = {
  /** How often what was killed. */
  readonly kills: ReadonlyMap<string, number>
  readonly sent: readonly Sent[]
  /** `left`: what is still in the spool, half received messages, too. */
  readonly tally: Tally
}

export type CrashPlan = {
  readonly random: () => number
  readonly kills: number
  /** By `performance.now()`: no kill after it. */
  readonly until?: number
  /** Names of `victims`. */
  readonly of: readonly string[]
  /** Of one message, and of all; when these are sent, small ones follow as long as there are kills left. */
  readonly maxBytes: number
  readonly totalBytes: number
}

const batch = 12
const sessions = 4
const smallBytes = 32 * KiB

export async function crashRound(plan: CrashPlan): Promise<Crashed> {
  const { random } = plan
  const port = await freePort()
  let postern = await startPostern({
    config: { smtp: { listen: [`127.0.0.1:${port}`], processes: 2 } },
  })
  const kills = new Map<string, number>()
  const drawn = plan.of.flatMap((name) => Array<string>(victims[name]?.weight ?? 0).fill(name))
  // Whichever ends first, well or not, ends the other.
  let over = false
  let acknowledged = 0
  const tell = () => {
    acknowledged += 1
  }
  const ends = () => {
    over = true
  }
  const [large, small] = await Promise.all([
    send(0, plan.maxBytes).finally(ends),
    send(1_000_000, smallBytes).finally(ends),
    kill().finally(ends),
  ])
  const sent = [...large, ...small]
  await postern.delivered()
  const counted = await tally(postern, ...sent)
  const half = readdirSync(join(postern.dataDir, 'spool/incoming')).length
  await postern.killAll()
  rmSync(postern.directory, { recursive: true })
  return { kills, sent, tally: { ...counted, left: counted.left + half } }

  /** Small ones have sessions of their own: they do not wait for large ones that are cut off again and again. */
  async function send(first: number, maxBytes: number): Promise<Sent[]> {
    const sent: Sent[] = []
    let total = 0
    for (let number = first; !over; number += batch) {
      const most = total < plan.totalBytes ? maxBytes : smallBytes
      const messages = Array.from({ length: batch }, (_, index) =>
        messageOf(sizeBy(random, most), number + index),
      )
      total += messages.reduce((sum, { length }) => sum + length, 0)
      sent.push(await sendAll(() => ({ host: '127.0.0.1', port }), messages, { sessions, tell }))
      if (most === smallBytes) await pause(random() * 300)
    }
    return sent
  }

  async function kill(): Promise<void> {
    const { until: end = Number.POSITIVE_INFINITY } = plan
    for (let left = plan.kills; left > 0 && !over && performance.now() < end; left -= 1) {
      const before = acknowledged
      await pause(random() * 1200)
      // Now and then in the middle of a recovery, else under load.
      if (random() < 0.8)
        await until(() => acknowledged > before || over || performance.now() > end)
      const name = drawn[Math.floor(random() * drawn.length)] ?? ''
      await killOne(name)
      kills.set(name, (kills.get(name) ?? 0) + 1)
    }
  }

  async function killOne(name: string): Promise<void> {
    if (name === 'whole tree') {
      await postern.killAll()
      postern = await startPostern({ again: postern })
      return
    }
    let pid: number | undefined
    // One that has just been killed is not there yet.
    await until(() => {
      pid = victims[name]?.find(postern.pids())
      return pid !== undefined || over
    })
    if (pid === undefined) throw new Error(`there is no ${name}`)
    process.kill(pid, 'SIGKILL')
    if (name === 'serve alone') postern = await startAgain()
  }

  /** What has the port may be ending still: whoever supervises `serve` tries again, too. */
  async function startAgain(): Promise<RunningPostern> {
    for (let tries = 50; ; tries -= 1) {
      try {
        return await startPostern({ again: postern })
      } catch (error) {
        if (tries === 0 || !String(error).includes('is taken by another program')) throw error
      }
    }
  }
}

function pause(milliseconds: number): Promise<void> {
  return new Promise((resolve) => setTimeout(resolve, milliseconds))
}

/** From 1 KiB on, each power of ten as likely as the next, so that most are small and some are large. */
function sizeBy(random: () => number, maxBytes: number): number {
  return Math.floor(KiB * (maxBytes / KiB) ** (random() ** 1.5))
}
