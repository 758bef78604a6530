/**
 * Makes the queue agree with the spool: every entry on disk has a job. Run at start, whenever Redis
 * comes back and every `sweepSeconds`, so that a FLUSHALL or an outage costs time and no mail (D§2.2).
 */
import { messageIdTime } from '../mail/message-id.ts'
import type { Spool } from '../spool/spool.ts'
import type { DeliveryQueue } from './queue.ts'

const batchLength = 500

/** An entry this old whose job Redis knows is looked at: is the job in any list (pitfalls P64)? */
const suspiciousMs = 10 * 60_000

/** So many of the suspicious are looked at each time: a long outage must not make the sweep slow. */
const suspectsPerRun = 200

/** Which of the suspicious this run looks at: one of so many slices, each in its turn. */
export type Slice = { readonly turn: number; readonly of: number }

export const wholeSpool: Slice = { turn: 0, of: 1 }

/** The slice of the run after one that found so many `entries`. */
export function nextSlice({ turn }: Slice, entries: number): Slice {
  return { turn: turn + 1, of: Math.max(1, Math.ceil(entries / suspectsPerRun)) }
}

/** By characters of the id that are random. */
function isIn({ turn, of }: Slice, id: string): boolean {
  return Number.parseInt(id.slice(12, 20), 32) % of === turn % of
}

export type Reconciled = { readonly entries: number; readonly added: number }

/** Rejects when Redis or the disk fails; what was done until then stays done. */
export async function reconcile(
  spool: Spool,
  queue: DeliveryQueue,
  slice: Slice = wholeSpool,
): Promise<Reconciled> {
  let entries = 0
  let added = 0
  let batch: string[] = []

  const flush = async (): Promise<void> => {
    const unknown = await queue.unknown(batch)
    const missing = new Set(unknown)
    const suspects = batch.filter(
      (id) => !missing.has(id) && messageIdTime(id) < Date.now() - suspiciousMs && isIn(slice, id),
    )
    const due = [...unknown, ...(await queue.forgetFinished(suspects))]
    await queue.add(due)
    added += due.length
    entries += batch.length
    batch = []
  }

  for await (const id of spool.ids()) {
    batch.push(id)
    if (batch.length === batchLength) await flush()
  }
  if (batch.length > 0) await flush()
  return { entries, added }
}
