/** What a run measures, the goals first: what comes last is left out where the time is over. */
import { type Group, groups } from './cases.ts'
import { endToEnd } from './end-to-end.ts'
import type { RatioName } from './goals.ts'
import { latencies } from './latency.ts'
import { memoryFigures } from './memory.ts'
import { startOwn } from './peers/postern.ts'
import { startGroup } from './peers/start.ts'
import { describeLoad, describeServer, rowOf } from './report.ts'
import { inTurns, ratioOf } from './rounds.ts'
import { rulesRatio } from './rules.ts'
import type { Run } from './run.ts'

export type Part = {
  readonly name: string
  /** About how long it takes. */
  readonly seconds: (run: Run) => number
  /** Left out by `--quick`. */
  readonly full?: true
  readonly measure: (run: Run) => Promise<void>
}

const [goals, others] = [
  groups.filter(({ full }) => full === undefined).map(partOf),
  groups.filter(({ full }) => full).map(partOf),
]

export const parts: readonly Part[] = [
  ...goals,
  { name: 'rules', seconds: () => 4, measure: measureRules },
  { name: 'sealing', seconds: () => 5, measure: measureSealing },
  {
    name: 'e2e',
    seconds: ({ quick }) => (quick ? 25 : 85),
    measure: (run) => endToEnd('directory', run),
  },
  { name: 'latency', seconds: ({ quick }) => (quick ? 15 : 45), measure: measureLatency },
  { name: 'memory', full: true, seconds: () => 25, measure: measureMemory },
  { name: 'ceph', full: true, seconds: () => 70, measure: (run) => endToEnd('ceph', run) },
  ...others,
]

function partOf(group: Group): Part {
  return {
    name: group.name,
    ...(group.full && { full: group.full }),
    seconds: (run) => secondsOf(group, run),
    measure: (run) => measureGroup(group, run),
  }
}

async function measureRules({ ratios }: Run): Promise<void> {
  ratios.rules_100k_vs_100 = rulesRatio()
}

function secondsOf({ servers, loads, extra }: Group, { seconds }: Run): number {
  const eachRound = seconds * 1.4
  const starting = extra === 'engines' ? 12 : 4
  return loads.reduce(
    (sum, { rounds }) => sum + servers.length * (2 + rounds) * eachRound,
    starting,
  )
}

async function measureGroup(group: Group, run: Run): Promise<void> {
  const { contestants, stop } = await startGroup(group, run.dns, run.mail.directory)
  for (const load of group.loads) {
    const found = await inTurns(contestants, load, await run.mail.file(load.octets), {
      seconds: run.seconds,
      rounds: run.rounds ?? (run.quick ? Math.min(5, load.rounds) : load.rounds),
      until: performance.now() + 1500 * secondsOf({ ...group, loads: [load] }, run),
    })
    const own = found.get('postern')
    for (const [name, measured] of found) {
      const words = {
        group: group.name,
        load: describeLoad(load, group),
        server: describeServer(name, group),
      }
      const ratio = name === 'postern' ? [] : [ratioOf(own, measured)]
      run.rows.push(rowOf(words, measured, ...ratio))
    }
    for (const [key, other] of Object.entries(load.ratios ?? {})) {
      run.ratios[key as RatioName] = ratioOf(own, found.get(other))
    }
  }
  await stop()
}

async function measureLatency({ quick, mail, dns, latency }: Run): Promise<void> {
  const group = {
    name: 'latency',
    processes: 1,
    loads: [],
    servers: ['haraka', 'postern', 'postfix'],
  } as const
  const { contestants } = await startGroup(group, dns, mail.directory)
  const times = quick ? { seconds: 1.5, rounds: 1 } : { seconds: 4, rounds: 2 }
  const found = await latencies(contestants, await mail.file(65_536), times)
  latency.push(
    ...found.map((each, index) => ({
      ...each,
      name: describeServer(group.servers[index] ?? 'postern', group),
    })),
  )
}

async function measureMemory(run: Run): Promise<void> {
  const server = await startOwn({ dns: run.dns, delivers: true })
  run.memory = await memoryFigures(server, await run.mail.file(4096))
}

async function measureSealing({ ratios }: Run): Promise<void> {
  const found: Readonly<Record<string, unknown>> = await import('./sealing.ts')
  const ratio = found['sealRatio64k'] as (() => Promise<number>) | undefined
  if (ratio !== undefined) ratios.seal_vs_raw_64k = await ratio()
}
