/** What the engines that run as services share: a gate before each, which says when it stops working and when it is back. */
import { log } from '../log.ts'
import type { Judgement } from '../mail/verdict.ts'
import { type Gate, gate } from './gate.ts'
import { clientGone } from './judge.ts'

type Engine = {
  readonly name: 'clamd' | 'rspamd'
  /** Where it is, for the log. */
  readonly at: string
  readonly verdict: 'virus' | 'spam'
  readonly concurrency: number
}

/** How long a probe of an engine may take. */
export const probeMs = 2000

export function engineGate({ name, at, verdict, concurrency }: Engine): Gate {
  return gate({
    concurrency,
    failures: 5,
    firstPauseMs: 1000,
    maxPauseMs: 30_000,
    onChange(state) {
      if (state === 'open') {
        log.error(
          { [name]: at },
          `${name} does not work: the ${verdict} verdict is PROCESSING_FAILED until it does`,
        )
      }
      if (state === 'closed') log.info({ [name]: at }, `${name} works again`)
    },
  })
}

/** Asks an engine when there is room for it; a client that left says nothing about the engine. */
export async function asked<Result extends Judgement>(
  entrance: Gate,
  name: Engine['name'],
  signal: AbortSignal,
  work: () => Promise<Result>,
  isFailure: (found: Result) => boolean,
): Promise<Result | Judgement> {
  const found = await entrance.run(
    signal,
    work,
    (result) => isFailure(result) && signal.reason !== clientGone,
  )
  return typeof found === 'string'
    ? { verdict: 'PROCESSING_FAILED', reason: `${name}-${found}` }
    : found
}

/** One line of /readyz, with the remedy. */
export function sick(name: Engine['name'], verdict: Engine['verdict'], why: string): string {
  return `${name}: ${why}; the ${verdict} verdict is PROCESSING_FAILED: start ${name}, or set ${verdict}.${name}`
}
