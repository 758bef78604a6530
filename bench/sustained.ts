/**
 * How much mail passes from the sender to the store for as long as one likes: as fast as the spool does not
 * grow by it. Senders pause while more than a batch of messages waits there; what waits at the end counts as
 * time until it is stored.
 */
import { send } from './load.ts'
import type { OwnServer } from './peers/postern.ts'
import { cpuMs, idle, memoryOf } from './processes.ts'
import type { Measured } from './rounds.ts'

const load = { sessions: 16, kept: false }
const batch = 200

export type Sustained = Measured & {
  /** Most messages in the spool at once. */
  readonly spoolPeak: number
}

/** `more`: pids of what else is part of the server: its store. */
export async function sustain(
  server: OwnServer,
  file: string,
  octets: number,
  seconds: number,
  more: readonly number[] = [],
): Promise<Sustained> {
  const deliver = async (until: number): Promise<{ messages: number; peak: number }> => {
    let [messages, peak] = [0, 0]
    do {
      await send(server.port, file, { ...load, octets }, batch)
      messages += batch
      let waiting = server.spooled().length
      peak = Math.max(peak, waiting)
      for (; waiting > batch; waiting = server.spooled().length) {
        await new Promise((resolve) => setTimeout(resolve, 10))
      }
    } while (performance.now() < until)
    await server.delivered()
    return { messages, peak }
  }
  await deliver(performance.now() + 2000)
  await idle([server.pid])
  const before = { own: cpuMs([server.pid]), more: cpuMs(more) }
  const began = performance.now()
  const { messages, peak } = await deliver(began + seconds * 1000)
  const took = (performance.now() - began) / 1000
  await idle([server.pid])
  const cpu = (cpuMs([server.pid]) - before.own) / messages
  const engines = (cpuMs(more) - before.more) / messages
  return {
    rounds: [{ messages, rate: messages / took, cpu, engines }],
    memory: memoryOf([server.pid]),
    spoolPeak: peak,
  }
}
