/**
 * Carries out one entry's plan: its steps, each recorded as done, so that a retry repeats at most the
 * one it was in. The entry leaves the spool when nothing is left to do, or goes to the dead letters when
 * all that is left has been given up (D§2.1). Knows no queue.
 */
import type { Action, Delivery } from '../actions/action.ts'
import { describeError, isTransient, RetryAfterError } from '../errors.ts'
import { log } from '../log.ts'
import { storedBefore } from '../rules/bounce.ts'
import { describeStep } from '../rules/describe.ts'
import type { OnFailure, PlannedAction } from '../rules/rule-set.ts'
import { CorruptEntryError, type SpoolEntry } from '../spool/entry.ts'
import { isHeld, type Progress, type StepFailure } from '../spool/progress.ts'
import type { Spool } from '../spool/spool.ts'
import { addedBefore, nextStep } from './next-step.ts'

export type RetryPolicy = {
  /** How long a step is tried again after its first failure; a rule's RetryTimeMinutes goes before. */
  readonly retrySeconds: number
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
    const { id, plan } = entry.record
    let progress = await spool.progress(id)
    for (;;) {
      const next = nextStep(plan, progress, Date.now())
      if (next.next === 'done') {
        await spool.remove(id)
        return 'done'
      }
      if (next.next === 'dead') return bury(entry, progress)
      if (next.next === 'wait') return { retryInMs: Math.max(0, next.until - Date.now()) }
      const step = { ...(plan[next.index] as PlannedAction), recipients: next.recipients }
      progress = await carryOutStep(entry, step, next.index, progress)
      // When it was the last one the entry goes, and its progress with it.
      if (nextStep(plan, progress, Date.now()).next !== 'done')
        await spool.writeProgress(id, progress)
    }
  }

  async function carryOutStep(
    entry: SpoolEntry,
    step: PlannedAction,
    index: number,
    before: Progress,
  ): Promise<Progress> {
    const started = performance.now()
    try {
      const disposition = await act(deliveryOf(entry, step, index, before))
      const ms = Math.round(performance.now() - started)
      const { id } = entry.record
      const ends = disposition === undefined || disposition === 'CONTINUE' ? {} : { disposition }
      log.info({ id, ...describeStep(step), ...ends, ms }, 'Action done')
      const done = isDone(before, index)
      return disposition === 'STOP_RULE' || disposition === 'STOP_RULE_SET'
        ? { ...done, ends: { ...done.ends, [index]: disposition } }
        : done
    } catch (error) {
      if (error instanceof CorruptEntryError) throw error
      return afterFailure(entry, step, index, before, error)
    }
  }

  /** The step is tried again later, or given up as the rule says. */
  function afterFailure(
    { record: { id, plan } }: SpoolEntry,
    step: PlannedAction,
    index: number,
    before: Progress,
    error: unknown,
  ): Progress {
    const now = Date.now()
    const time = new Date(now).toISOString()
    const known = before.failures[index]
    const attempts = (known?.attempts ?? 0) + 1
    const since = known?.since ?? time
    const reason = describeError(error)
    const failure: StepFailure = { attempts, since, time, reason }
    const logged = { id, ...describeStep(step), attempts, reason }

    const { RetryTimeMinutes } = step.action
    const onFailure = whenGivenUp(step)
    const patience =
      RetryTimeMinutes === undefined ? policy.retrySeconds * 1000 : RetryTimeMinutes * 60_000
    const over = Date.parse(since) + patience
    if (isTransient(error) && now < over) {
      const asked = error instanceof RetryAfterError ? error.retryAfterMs : 0
      const wait = Math.max(retryDelay(attempts, policy, random()), asked)
      // One more attempt when its time is over, rather than a last one long before.
      const next = Math.min(now + wait, over)
      log.warn({ ...logged, retryInMs: next - now }, 'Action failed; it will be tried again')
      return { ...before, failures: { ...before.failures, [index]: { ...failure, next } } }
    }
    const passed = onFailure === 'HOLD' ? {} : { passed: onFailure }
    const after = {
      ...before,
      failures: { ...before.failures, [index]: { ...failure, ...passed } },
    }
    // A dead letter is told of once, by bury.
    if (nextStep(plan, after, now).next !== 'dead')
      log.error({ ...logged, onFailure }, `Action given up: ${whatFollows[onFailure]}`)
    return after
  }

  async function bury({ record: { id, plan } }: SpoolEntry, progress: Progress): Promise<Outcome> {
    await spool.bury(id, progress)
    for (const [index, failure] of Object.entries(progress.failures)) {
      const step = plan[Number(index)]
      if (!isHeld(failure) || step === undefined) continue
      const { attempts, reason } = failure
      log.error(
        { id, ...describeStep(step), attempts, reason },
        `Message ${id} was given up after ${attempts} attempt(s) and is a dead letter; mend the cause, then: postern queue retry ${id}`,
      )
    }
    return 'dead'
  }
}

/** A notice that was not sent is no reason to drop what its action, which was done, has left. */
function whenGivenUp({ action: { OnFailure = 'HOLD' }, notice }: PlannedAction): OnFailure {
  return notice && OnFailure === 'DROP' ? 'CONTINUE' : OnFailure
}

const whatFollows: Readonly<Record<OnFailure, string>> = {
  HOLD: 'the message goes to the dead letters when its other rules are done with it',
  CONTINUE:
    'the rule says that it is not waited for (OnFailure), so the next action is carried out',
  DROP: 'the rule says OnFailure: DROP, so nothing more is done for its recipients',
}

function isDone({ done, failures, ends }: Progress, index: number): Progress {
  const { [index]: _, ...others } = failures
  return { done: [...done, index], failures: others, ends }
}

/** Exponential, capped, with full jitter in its upper half, so that retries do not come in step. */
export function retryDelay(
  attempts: number,
  policy: Pick<RetryPolicy, 'firstRetryMs' | 'maxRetryMs'>,
  random: number,
): number {
  const ceiling = Math.min(policy.firstRetryMs * 2 ** Math.min(attempts - 1, 40), policy.maxRetryMs)
  return Math.round(ceiling * (0.5 + random / 2))
}

function deliveryOf(
  { record, message }: SpoolEntry,
  planned: PlannedAction,
  index: number,
  progress: Progress,
): Delivery {
  const stored = storedBefore(record.plan, index, progress.failures)
  return {
    record,
    planned,
    added: addedBefore(record.plan, progress, index),
    message,
    noticeId: `${record.id}-${index}`,
    ...(stored === undefined ? {} : { stored }),
  }
}
