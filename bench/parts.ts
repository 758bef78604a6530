/** What a run measures, the goals first: what comes last is left out where the time is over. */
import { type Group, groups, type LoadCase } from './cases.ts'
import { endToEnd } from './end-to-end.ts'
import type { RatioName } from './goals.ts'
import { latencies } from './latency.ts'
import { memoryFigures } from './memory.ts'
import { startGroup } from './peers/start.ts'
import { describeLoad, describeServer, rowOf } from './report.ts'
import { inTurns, ratioOf } from './rounds.ts'
import { rulesRatio } from './rules.ts'
import type { Run } from './run.ts'
import { sealRatio64k } from './sealing.ts'

export type Part = {
  readonly name: string
  /** About how long it takes. */
  readonly seconds: (run: Run) => number
  /** Left out by `--quick`. */
  readonly full?: true
  /** `allowed`: seconds. It may take a little longer, never much: rounds are left out. */
  readonly measure: (run: Run, allowed: number) => Promise<void>
}

const [goals, others] = [
  groups.filter(({ full }) => full === undefined).map(partOf),
  groups.filter(({ full }) => full).map(partOf),
]

export const parts: readonly Part[] = [
  { name: 'rules', seconds: () => 4, measure: measureRules },
  { name: 'sealing', seconds: () => 5, measure: measureSealing },
  ...goals,
  {
    name: 'e2e',
    seconds: ({ quick }) => (quick ? 20 : 85),
    measure: (run, allowed) => endToEnd('directory', run, allowed),
  },
  { name: 'latency', seconds: ({ quick }) => (quick ? 10 : 45), measure: measureLatency },
  { name: 'memory', full: true, seconds: () => 25, measure: measureMemory },
  {
    name: 'ceph',
    full: true,
    seconds: () => 70,
    measure: (run, allowed) => endToEnd('ceph', run, allowed),
  },
  ...others,
]

function partOf(group: Group): Part {
  return {
    name: group.name,
    ...(group.full && { full: group.full }),
    seconds: (run) => secondsOf(group, run),
    measure: (run, allowed) => measureGroup(group, run, allowed),
  }
}

async function measureRules({ ratios }: Run): Promise<void> {
  ratios.rules_100k_vs_100 = rulesRatio()
}

function secondsOf(group: Group, run: Run): number {
  const { servers, loads, scans } = group
  // With the time until all is idle again; warming up takes as long as two rounds.
  const each = servers.length * run.seconds * 1.4
  const starting = (scans ? 7 : 4) + (servers.length * warmUpOf(group)) / 1000
  return loads.reduce((sum, load) => sum + (2 + roundsOf(load, run)) * each, starting)
}

/** The goals are about servers that have run for a while. */
function warmUpOf({ full }: Group): number {
  return full ? 1500 : 6000
}

function roundsOf({ rounds, quickRounds }: LoadCase, run: Run): number {
  return run.rounds ?? (run.quick ? (quickRounds ?? rounds) : rounds)
}

async function measureGroup(group: Group, run: Run, allowed: number): Promise<void> {
  const began = performance.now()
  const { contestants, stop } = await startGroup(group, run.dns, run.mail.directory)
  for (const [index, load] of group.loads.entries()) {
    const left = began + allowed * 1000 - performance.now()
    const found = await inTurns(contestants, load, await run.mail.file(load.octets), {
      seconds: run.seconds,
      rounds: roundsOf(load, run),
      warmUp: index > 0 ? 1000 : warmUpOf(group),
      until: performance.now() + left / (group.loads.length - index),
    })
    const own = found.get('postern')
    for (const [name, measured] of found) {
      const words = {
        group: group.name,
        load: describeLoad(load),
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
  run.memory = await memoryFigures(run.dns, await run.mail.file(4096))
}

async function measureSealing({ ratios }: Run): Promise<void> {
  ratios.seal_vs_raw_64k = await sealRatio64k()
}
