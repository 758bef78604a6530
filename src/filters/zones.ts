/**
 * Which DNS lists can be believed. Each is tried at start and every so often with 127.0.0.2, which it
 * must list, and 127.0.0.1, which it must not (RFC 5782 §5): a dead list may list everybody or nobody
 * (pitfalls P33). One that fails is not used until it passes, and the log says so, once each time.
 * Never throws; its timers keep no process alive.
 */
import { log } from '../log.ts'
import { askList, type ListAnswer, type ListOptions, type Resolve, type Trouble } from './dnsbl.ts'

export type ZoneState = {
  readonly zone: string
  /** Whether it is asked about clients; false before the first probe is over. */
  readonly up: boolean
  /** Why it is not, with the remedy; absent before the first probe is over. */
  readonly reason?: string
}

export type Zones = {
  readonly isUp: (zone: string) => boolean
  /** To be told of every question about a client that failed. */
  readonly failed: (zone: string, answer: ListAnswer & { readonly kind: 'failed' }) => void
  readonly states: () => readonly ZoneState[]
  readonly close: () => void
}

/** After a look-up that failed a list is tried again at once, but no more often than this. */
const minGapMs = 10_000

/** `resolve` should not answer from a cache: what a list says now is the question. */
export function watchZones(
  lists: readonly ListOptions[],
  resolve: Resolve,
  probeSeconds: number,
): Zones {
  const watched = new Map(
    [...new Set(lists.map(({ zone }) => zone))].map((zone) => [
      zone,
      watchZone(zone, resolve, probeSeconds * 1000),
    ]),
  )
  return {
    isUp: (zone) => watched.get(zone)?.state().up === true,
    failed: (zone, answer) => watched.get(zone)?.failed(answer),
    states: () => [...watched.values()].map((each) => each.state()),
    close: () => {
      for (const each of watched.values()) each.close()
    },
  }
}

function watchZone(zone: string, resolve: Resolve, everyMs: number) {
  let up: boolean | undefined
  let trouble: Trouble | undefined
  let began = Number.NEGATIVE_INFINITY
  let closed = false

  function become(found: Trouble | undefined): void {
    const changed = up !== (found === undefined)
    up = found === undefined
    trouble = found
    if (!changed || closed) return
    if (found === undefined) log.info({ zone }, 'This DNS list answers as it should, and is used')
    else log.warn({ zone, ...found }, 'This DNS list is switched off until it answers as it should')
  }
  async function probe(): Promise<void> {
    began = performance.now()
    const started = began
    const found = await probed(zone, resolve)
    // Of two that overlap the later one counts.
    if (started === began) become(found)
  }

  void probe()
  const timer = setInterval(() => void probe(), everyMs).unref()
  return {
    state: (): ZoneState => ({
      zone,
      up: up === true,
      ...(trouble === undefined ? {} : { reason: `${trouble.cause}; ${trouble.remedy}` }),
    }),
    failed(answer: ListAnswer & { readonly kind: 'failed' }) {
      if (answer.lasting) become(answer.trouble)
      else if (!closed && performance.now() - began > minGapMs) void probe()
    },
    close() {
      closed = true
      clearInterval(timer)
    },
  }
}

/** What is wrong with a list, `undefined` when nothing is. Whatever it says of 127.0.0.2 counts. */
async function probed(zone: string, resolve: Resolve): Promise<Trouble | undefined> {
  const list = { zone, refuseOn: [] }
  const [entry, other] = await Promise.all([
    askList(resolve, list, '127.0.0.2'),
    askList(resolve, list, '127.0.0.1'),
  ])
  if (entry.kind === 'failed') return entry.trouble
  if (other.kind === 'failed') return other.trouble
  if (other.answers.length > 0) {
    const remedy = 'it lists everybody and is probably dead: take it out of blocklists'
    return { cause: 'lists 127.0.0.1', remedy }
  }
  if (entry.answers.length > 0) return undefined
  const remedy = 'look whether its name is right and whether the list still exists'
  return { cause: 'does not list 127.0.0.2', remedy }
}
