/**
 * Servers beside each other: all are up, each is measured in its turn while the others do nothing, for so
 * many rounds. Whatever else the machine does meets all alike, and ratios are taken within a round.
 */
import type { ServerName } from './cases.ts'
import { type Load, send } from './load.ts'
import { median } from './measure.ts'
import type { Server } from './peers/server.ts'
import { cpuMs, idle, memoryOf } from './processes.ts'

export type Round = {
  readonly messages: number
  readonly rate: number
  /** Milliseconds of processor of a message: the server's own processes, and the engines'. */
  readonly cpu: number
  readonly engines: number
}

export type Measured = { readonly rounds: readonly Round[]; readonly memory: number }

export type Contestant = {
  readonly name: ServerName
  readonly server: Server
  /** Pids of what it asks: scanners that are not its own processes. */
  readonly engines?: readonly number[]
}

export type Bounds = {
  /** How long one server is loaded in a round. */
  readonly seconds: number
  readonly rounds: number
  /** Messages that each gets before: V8 compiles for some thousand of them. At least as many as say how many fit a round. */
  readonly warmUp: number
  /** `performance.now()` after which no round is begun but the first. */
  readonly until: number
}

export async function inTurns(
  contestants: readonly Contestant[],
  load: Load,
  file: string,
  { seconds, rounds, until, warmUp: least }: Bounds,
): Promise<ReadonlyMap<ServerName, Measured>> {
  const counts = new Map<ServerName, number>()
  for (const each of contestants) {
    counts.set(each.name, await warmUp(each, load, file, seconds, least))
  }
  const found = new Map<ServerName, Round[]>(contestants.map(({ name }) => [name, []]))
  for (let round = 0; round < rounds && (round === 0 || performance.now() < until); round += 1) {
    // Each is first once in a while.
    const first = round % contestants.length
    for (const each of [...contestants.slice(first), ...contestants.slice(0, first)]) {
      const done = await measure(each, load, file, counts.get(each.name) ?? 1)
      found.get(each.name)?.push(done)
      // What is measured takes as long as it was meant to, also once the machine has grown slower.
      counts.set(each.name, Math.max(load.sessions, Math.round(done.rate * seconds)))
    }
  }
  return new Map(
    contestants.map(({ name, server }) => [
      name,
      { rounds: found.get(name) ?? [], memory: memoryOf([server.pid]) },
    ]),
  )
}

/** The first messages say nothing. How many a round takes then. */
async function warmUp(
  { server, engines = [] }: Contestant,
  load: Load,
  file: string,
  seconds: number,
  least: number,
): Promise<number> {
  let count = load.sessions * 2
  for (let spent = 0, sent = 0; ; ) {
    const took = await send(server.port, file, load, count)
    spent += took
    sent += count
    const rate = count / took
    count = Math.max(load.sessions, Math.round(rate * Math.max(0.3, seconds - spent)))
    if (spent < 12 * seconds && (spent < seconds || sent < least)) continue
    await idle([server.pid, ...engines])
    await server.rest?.()
    return Math.max(load.sessions, Math.round(rate * seconds))
  }
}

async function measure(
  { server, engines = [] }: Contestant,
  load: Load,
  file: string,
  count: number,
): Promise<Round> {
  const before = { own: cpuMs([server.pid]), engines: cpuMs(engines) }
  const took = await send(server.port, file, load, count)
  // What it still has to do for these messages is theirs.
  await idle([server.pid, ...engines])
  const round = {
    messages: count,
    rate: count / took,
    cpu: (cpuMs([server.pid]) - before.own) / count,
    engines: (cpuMs(engines) - before.engines) / count,
  }
  await server.rest?.()
  return round
}

/** The median of what each round gives. */
export function ratioOf(one: Measured | undefined, other: Measured | undefined): number {
  const ratios = (one?.rounds ?? []).flatMap(({ rate }, round) => {
    const beside = other?.rounds[round]
    return beside === undefined ? [] : [rate / beside.rate]
  })
  return median(ratios)
}
