/**
 * How far an entry has got, kept beside it so that losing Redis repeats nothing. Steps are named by
 * their place in the plan. Pure types, and the reading of what may be cut short or of an older kind.
 */

/** A step that has failed and is not done. */
export type StepFailure = {
  readonly attempts: number
  /** When it failed first, and last: ISO 8601. */
  readonly since: string
  readonly time: string
  readonly reason: string
  /** When it is to be tried again: milliseconds since 1970. Absent: it has been given up. */
  readonly next?: number
  /** It has been given up and its rule says that the message is not held for it (OnFailure). */
  readonly passed?: 'CONTINUE' | 'DROP'
}

/** What a step decided about those behind it. SES: dispositions of a function (reference §1.6) */
export type End = 'STOP_RULE' | 'STOP_RULE_SET'

export type Progress = {
  readonly done: readonly number[]
  readonly failures: Readonly<Record<number, StepFailure>>
  readonly ends: Readonly<Record<number, End>>
}

export const noProgress: Progress = { done: [], failures: {}, ends: {} }

/** Of a progress file's text; what is missing counts as not done, since every step may be repeated. */
export function parseProgress(text: string): Progress {
  try {
    const { done = [], failures = {}, ends = {} } = JSON.parse(text) as Partial<Progress>
    return Array.isArray(done) ? { done, failures, ends } : noProgress
  } catch {
    // Cut short by a power failure: lost, which costs repetitions only (D§2.3).
    return noProgress
  }
}

/** The same with every failed step forgotten: due now, and with all its time again. */
export function forgiven({ done, ends }: Progress): Progress {
  return { done, ends, failures: {} }
}

/** The same with every failed step due now; what was given up has all its time again. */
export function hurried({ done, ends, failures }: Progress): Progress {
  const waiting = Object.entries(failures).filter(([, each]) => each.next !== undefined)
  const due = waiting.map(([index, each]) => [index, { ...each, next: 0 }])
  return { done, ends, failures: Object.fromEntries(due) }
}

/** What has been given up and holds the message: a person has to decide about it. */
export function isHeld({ next, passed }: StepFailure): boolean {
  return next === undefined && passed === undefined
}
