/**
 * How long a sender waits from its final dot to 250 when mail comes at 80 % of what can be taken: at its own
 * rate, whether the last message was answered or not, each on a connection of its own.
 */
import { order, send } from './load.ts'
import { quantile } from './measure.ts'
import type { Contestant } from './rounds.ts'

export type Latency = {
  readonly name: string
  /** Messages in a second that were sent; the most that the same senders got rid of. */
  readonly rate: number
  readonly most: number
  readonly p50: number
  readonly p99: number
  readonly messages: number
}

const share = 0.8

/** In turns, `rounds` times; quantiles of all waits together. */
export async function latencies(
  contestants: readonly Contestant[],
  file: string,
  { seconds, rounds }: { readonly seconds: number; readonly rounds: number },
): Promise<Latency[]> {
  const all = contestants.map(({ name, server }) => ({
    name,
    port: server.port,
    waits: [] as number[],
    most: 0,
    rate: 0,
  }))
  const common = { file, tls: false }
  for (let round = 0; round < rounds; round += 1) {
    for (const each of all) {
      const { port } = each
      // Once more in each round: how much a machine can do that others use changes.
      const most = { ...common, port, sessions: 16, kept: false }
      if (round === 0) await send(port, file, { sessions: 16, kept: false, octets: 0 }, 5000)
      const warm = await order({ ...most, messages: 200 })
      const count = Math.round((warm.waits.length / warm.seconds) * 1.5)
      each.most = count / (await order({ ...most, messages: Math.max(32, count) })).seconds
      each.rate = share * each.most
      const { waits } = await order({ ...common, port, rate: each.rate, seconds })
      each.waits.push(...waits)
    }
  }
  return all.map(({ name, waits, most, rate }) => ({
    ...{ name, most, rate, messages: waits.length },
    p50: quantile(waits, 0.5),
    p99: quantile(waits, 0.99),
  }))
}
