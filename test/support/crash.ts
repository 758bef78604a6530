/**
 * A real Postern under load from several sessions, whose processes are killed at random moments; and the
 * count when it has recovered. For test/e2e and `npm run torture`.
 */
import { readdirSync, rmSync } from 'node:fs'
import { join } from 'node:path'
import { freePort, messageOf, type Sent, sendAll, type Tally, tally } from './load.ts'
import { type RunningPostern, startPostern, until } from './postern.ts'

const KiB = 1024
const MiB = 1024 * KiB

/** What is killed → how to find it. */
export const victims: Readonly<
  Record<string, (pids: ReturnType<RunningPostern['pids']>) => number | undefined>
> = {
  'SMTP primary': ({ smtp }) => smtp?.[0],
  'SMTP process': ({ smtp }) => smtp?.at(-1),
  worker: ({ worker }) => worker?.[0],
  Redis: ({ redis }) => redis?.at(-1),
  'whole tree': ({ serve }) => serve?.[0],
}

export type Crashed = {
  /** How often what was killed. */
  readonly kills: ReadonlyMap<string, number>
  readonly sent: Sent
  /** `left`: what is still in the spool, half received messages, too. */
  readonly tally: Tally
}

export type CrashPlan = {
  readonly random: () => number
  readonly messages: number
  readonly kills: number
  /** Names of `victims`. */
  readonly of: readonly string[]
  readonly maxBytes: number
}

export async function crashRound(plan: CrashPlan): Promise<Crashed> {
  const { random } = plan
  const port = await freePort()
  let postern = await startPostern({
    config: { smtp: { listen: [`127.0.0.1:${port}`], processes: 2 } },
  })
  const kills = new Map<string, number>()
  const messages = Array.from({ length: plan.messages }, (_, number) =>
    messageOf(sizeBy(random, plan.maxBytes), number),
  )
  const [sent] = await Promise.all([sendAll(() => ({ host: '127.0.0.1', port }), messages), kill()])
  await postern.delivered()
  const counted = await tally(postern, sent)
  const half = readdirSync(join(postern.dataDir, 'spool/incoming')).length
  await postern.killAll()
  rmSync(postern.directory, { recursive: true })
  return { kills, sent, tally: { ...counted, left: counted.left + half } }

  async function kill(): Promise<void> {
    for (let left = plan.kills; left > 0; left -= 1) {
      await new Promise((resolve) => setTimeout(resolve, random() * 1200))
      const name = plan.of[Math.floor(random() * plan.of.length)] ?? ''
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
      pid = victims[name]?.(postern.pids())
      return pid !== undefined
    })
    if (pid !== undefined) process.kill(pid, 'SIGKILL')
  }
}

/** From 1 KiB on, each power of ten as likely as the next, so that most are small and some are large. */
function sizeBy(random: () => number, maxBytes: number): number {
  return Math.floor(KiB * (maxBytes / KiB) ** (random() ** 1.5))
}

export const largest = 20 * MiB
