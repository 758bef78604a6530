/**
 * Carries out one entry's plan: its actions in order, each recorded as done, so that a retry repeats
 * at most the one it was in. The entry leaves the spool when all are done, or goes to the dead letters
 * when they have failed too often (D§2.1). Knows no queue.
 */
import type { Action, Delivery } from '../actions/action.ts'
import { describeError, isTransient } from '../errors.ts'
import { log } from '../log.ts'
import type { AddedField } from '../mail/prepend.ts'
import type { PlannedAction } from '../rules/rule-set.ts'
import { CorruptEntryError, type SpoolEntry } from '../spool/entry.ts'
import type { Progress, Spool } from '../spool/spool.ts'

export type RetryPolicy = {
  readonly attempts: number
  readonly firstRetryMs: number
  readonly maxRetryMs: number
}

export type Outcome =
  | 'done' //      every action is done and the entry is gone
  | 'gone' //      there was no entry: it was done before
  | 'dead' //      given up, in dead/
  | 'corrupt' //   could not be read, moved to spool/corrupt/
  | { readonly retryInMs: number }

export type Deliver = (id: string) => Promise<Outcome>

/** Rejects only when the spool itself fails; an action that fails is an outcome. */
export function deliverer(
  spool: Spool,
  act: Action,
  policy: RetryPolicy,
  random: () => number = Math.random,
): Deliver {
  const underWay = new Map<string, Promise<Outcome>>()
  return (id) => {
    // A job that Redis lost is added again while its first run goes on: both have that run's outcome.
    const outcome = underWay.get(id) ?? deliver(id).finally(() => underWay.delete(id))
    underWay.set(id, outcome)
    return outcome
  }

  async function deliver(id: string): Promise<Outcome> {
    let entry: SpoolEntry | undefined
    try {
      entry = await spool.read(id)
      if (entry === undefined) {
        // Another process may have noted its progress after the entry was done.
        await spool.remove(id)
        return 'gone'
      }
      return await carryOut(entry)
    } catch (error) {
      if (!(error instanceof CorruptEntryError)) throw error
      await spool.setAside(id)
      log.error(
        { id, reason: error.message },
        `Message ${id} can't be read from the spool and was moved to spool/corrupt; look at the disk, then at the file`,
      )
      return 'corrupt'
    } finally {
      await entry?.close()
    }
  }

  async function carryOut(entry: SpoolEntry): Promise<Outcome> {
    const { record } = entry
    let progress = await spool.progress(record.id)
    for (const [index, planned] of record.plan.entries()) {
      if (progress.done.includes(index)) continue
      const started = performance.now()
      try {
        await act(deliveryOf(entry, planned, index))
      } catch (error) {
        if (error instanceof CorruptEntryError) throw error
        return failed(record.id, planned, progress, error)
      }
      progress = { ...progress, done: [...progress.done, index] }
      // The last one needs no record: the entry goes.
      if (index < record.plan.length - 1) await spool.writeProgress(record.id, progress)
      const ms = Math.round(performance.now() - started)
      log.info({ id: record.id, rule: planned.rule, action: kindOf(planned), ms }, 'Action done')
    }
    await spool.remove(record.id)
    return 'done'
  }

  async function failed(
    id: string,
    planned: PlannedAction,
    before: Progress,
    error: unknown,
  ): Promise<Outcome> {
    const attempts = before.attempts + 1
    const action = `${planned.rule}: ${kindOf(planned)}`
    const reason = describeError(error)
    const progress: Progress = {
      done: before.done,
      attempts,
      failed: { time: new Date().toISOString(), action, reason },
    }
    if (isTransient(error) && attempts < policy.attempts) {
      await spool.writeProgress(id, progress)
      const retryInMs = retryDelay(attempts, policy, random())
      log.warn(
        { id, rule: planned.rule, action: kindOf(planned), attempts, retryInMs, reason },
        'Action failed; it will be tried again',
      )
      return { retryInMs }
    }
    await spool.bury(id, progress)
    log.error(
      { id, rule: planned.rule, action: kindOf(planned), attempts, reason },
      `Message ${id} was given up after ${attempts} attempt(s) and is a dead letter; mend the cause, then: postern queue retry ${id}`,
    )
    return 'dead'
  }
}

/** Exponential, capped, with full jitter in its upper half, so that retries do not come in step. */
export function retryDelay(attempts: number, policy: RetryPolicy, random: number): number {
  const ceiling = Math.min(policy.firstRetryMs * 2 ** Math.min(attempts - 1, 40), policy.maxRetryMs)
  return Math.round(ceiling * (0.5 + random / 2))
}

function deliveryOf(entry: SpoolEntry, planned: PlannedAction, index: number): Delivery {
  return {
    record: entry.record,
    planned,
    added: addedBefore(entry.record.plan, index),
    message: entry.message,
  }
}

/** SES: a header added by an action is seen by the actions after it, in this rule and later ones. */
function addedBefore(plan: readonly PlannedAction[], index: number): AddedField[] {
  return plan.slice(0, index).flatMap(({ action }) => {
    if (!('AddHeaderAction' in action)) return []
    const { HeaderName, HeaderValue } = action.AddHeaderAction
    return [{ name: HeaderName, value: HeaderValue }]
  })
}

function kindOf({ action }: PlannedAction): string {
  return Object.keys(action)[0] ?? 'unknown'
}
