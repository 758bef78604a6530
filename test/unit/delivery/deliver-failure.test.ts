/** What becomes of a message when a step fails: OnFailure, RetryTimeMinutes, and what is said of it. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import type { Action } from '../../../src/actions/action.ts'
import { deliverer } from '../../../src/delivery/deliver.ts'
import { PermanentError, RetryAfterError } from '../../../src/errors.ts'
import { log } from '../../../src/log.ts'
import type { PlannedAction, RuleAction } from '../../../src/rules/rule-set.ts'
import { keep, restOfRecord, Spool, scratch } from '../spool/support.ts'

const policy = { retrySeconds: 3600, firstRetryMs: 1000, maxRetryMs: 600_000 }

let spool: Spool
/** Level, fields and text of what was logged. */
let logged: { level: string; text: string; [field: string]: unknown }[]

beforeEach(() => {
  spool = new Spool(scratch())
  logged = []
  for (const level of ['info', 'warn', 'error'] as const)
    vi.spyOn(log, level).mockImplementation((fields: unknown, text?: string) => {
      logged.push({ level, text: text ?? '', ...(fields as object) })
    })
  // The clock stands; timers of the disk go on.
  vi.useFakeTimers({ toFake: ['Date'], now: Date.now() })
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
  spool.close()
})

const store = (BucketName: string, some: Partial<RuleAction> = {}): RuleAction => {
  return { S3Action: { BucketName, TopicArn: 'arn:t' }, ...some }
}
const header: RuleAction = { AddHeaderAction: { HeaderName: 'X', HeaderValue: 'v' } }
const call = (some: Partial<RuleAction> = {}): RuleAction => {
  return { LambdaAction: { FunctionArn: 'f', InvocationType: 'RequestResponse' }, ...some }
}

const step = (rule: string, action: RuleAction, ...recipients: string[]): PlannedAction => {
  const whom = recipients.length === 0 ? ['you@example.test'] : recipients
  return { rule, action, recipients: whom, scan: true }
}

const keepPlan = (...plan: PlannedAction[]): Promise<string> =>
  keep(spool, Buffer.from('Subject: x\r\n\r\nbody\r\n'), { ...restOfRecord(), plan })

/** Actions that note their turn, with the fields they see, and throw or answer what is given for each. */
function actor(answers: Record<string, unknown[]> = {}): { act: Action; ran: string[] } {
  const ran: string[] = []
  const act: Action = async ({ planned, added }) => {
    const { action, notice, recipients } = planned
    const name = 'S3Action' in action ? action.S3Action.BucketName : 'call'
    const key = notice ? `${name} notice` : name
    ran.push(added.length === 0 ? key : `${key} with ${added.map((each) => each.name)}`)
    if (recipients.length > 1) ran.push(`for ${recipients.length}`)
    const answer = answers[key]?.shift()
    if (answer === 'STOP_RULE' || answer === 'STOP_RULE_SET') return answer
    if (answer !== undefined) throw answer
    return undefined
  }
  return { act, ran }
}

const gone = new PermanentError('no such bucket')

test('HOLD, the default: its rule waits for a person, other rules are done first', async () => {
  const id = await keepPlan(
    step('r', store('a')),
    step('r', store('b')),
    step('s', store('c')),
    step('s', store('d')),
  )
  const { act, ran } = actor({ a: [gone] })
  expect(await deliverer(spool, act, policy)(id)).toBe('dead')
  expect(ran).toEqual(['a', 'c', 'd'])
  expect(await spool.progress(id, 'dead')).toMatchObject({ done: [2, 3] })
  const errors = logged.filter(({ level }) => level === 'error')
  expect(errors).toMatchObject([
    {
      id,
      rule: 'r',
      action: 'S3Action',
      target: 'a',
      attempts: 1,
      reason: 'no such bucket',
      onFailure: 'HOLD',
      text: 'Action given up: the message goes to the dead letters when its other rules are done with it',
    },
    { rule: 'r', target: 'a', attempts: 1, text: expect.stringContaining('is a dead letter') },
  ])
})

test('a dead letter that is retried begins where it was, and repeats nothing', async () => {
  const id = await keepPlan(step('r', store('a')), step('r', store('b')), step('s', store('c')))
  const { act, ran } = actor({ a: [gone] })
  const deliver = deliverer(spool, act, policy)
  expect(await deliver(id)).toBe('dead')
  await spool.unbury(id)
  expect(await deliver(id)).toBe('done')
  expect(ran).toEqual(['a', 'c', 'a', 'b'])
})

test('CONTINUE: the next action is carried out, and nothing is left to hold', async () => {
  const first = step('r', store('a', { OnFailure: 'CONTINUE' }))
  const id = await keepPlan(first, { ...first, notice: true }, step('r', store('b')))
  const { act, ran } = actor({ a: [gone] })
  expect(await deliverer(spool, act, policy)(id)).toBe('done')
  expect(ran).toEqual(['a', 'b'])
  expect(logged.find(({ level }) => level === 'error')).toMatchObject({ onFailure: 'CONTINUE' })
  expect(await spool.deadIds()).toEqual([])
})

test('DROP: nothing more is done for its recipients; others go on, without its header field', async () => {
  const id = await keepPlan(
    step('r', store('a', { OnFailure: 'DROP' })),
    step('r', header),
    step('r', store('b')),
    step('s', store('c'), 'you@example.test', 'other@example.test'),
  )
  const { act, ran } = actor({ a: [gone] })
  expect(await deliverer(spool, act, policy)(id)).toBe('done')
  expect(ran).toEqual(['a', 'c'])
  expect(logged.find(({ level }) => level === 'error')?.text).toMatch(/OnFailure: DROP/)
})

test('a notice that can not be sent is held as its action would be, but never drops the rest', async () => {
  const first = step('r', store('a', { OnFailure: 'DROP' }))
  const id = await keepPlan(first, { ...first, notice: true }, step('r', store('b')))
  const dropping = actor({ 'a notice': [gone] })
  expect(await deliverer(spool, dropping.act, policy)(id)).toBe('done')
  expect(dropping.ran).toEqual(['a', 'a notice', 'b'])

  const held = step('r', store('a'))
  const other = await keepPlan(held, { ...held, notice: true }, step('r', store('b')))
  const holding = actor({ 'a notice': [gone] })
  expect(await deliverer(spool, holding.act, policy)(other)).toBe('dead')
  expect(holding.ran).toEqual(['a', 'a notice', 'b'])
})

test('a function that failed and is passed by has the fields behind it added, and the rest done', async () => {
  const id = await keepPlan(
    step('r', call({ OnFailure: 'CONTINUE' })),
    step('r', header),
    step('r', store('a')),
  )
  const { act, ran } = actor({ call: [gone] })
  expect(await deliverer(spool, act, policy)(id)).toBe('done')
  expect(ran).toEqual(['call', 'a with X'])
})

test('what a function answers is kept: a later attempt, of another process, does not ask again', async () => {
  const id = await keepPlan(
    step('r', call()),
    step('r', store('a')),
    step('s', store('b'), 'you@example.test', 'other@example.test', 'third@example.test'),
  )
  const { act, ran } = actor({ call: ['STOP_RULE_SET'], b: [new Error('away')] })
  expect(await deliverer(spool, act, policy, () => 1)(id)).toEqual({ retryInMs: 1000 })
  expect(logged.find(({ text }) => text === 'Action done')).toMatchObject({
    disposition: 'STOP_RULE_SET',
  })
  vi.advanceTimersByTime(1000)
  expect(await deliverer(spool, act, policy)(id)).toBe('done')
  expect(ran).toEqual(['call', 'b', 'for 2', 'b', 'for 2'])
})

const patience = [
  // minutes of the rule, how long it is tried, why
  [undefined, 3600, 'delivery.retrySeconds'],
  [5, 300, 'its own'],
  [120, 7200, 'its own, when it is longer, too'],
] as const

test.for(patience)(
  'with RetryTimeMinutes %s it is tried for %d s: %s',
  async ([minutes, seconds]) => {
    const some = minutes === undefined ? {} : { RetryTimeMinutes: minutes }
    const id = await keepPlan(step('r', store('a', some)))
    const always = { shift: () => new Error('away') } as unknown as unknown[]
    const { act } = actor({ a: always })
    const deliver = deliverer(spool, act, policy, () => 1)
    const began = Date.now()
    for (;;) {
      const outcome = await deliver(id)
      if (typeof outcome !== 'object') {
        expect(outcome).toBe('dead')
        break
      }
      expect(outcome.retryInMs).toBeLessThanOrEqual(policy.maxRetryMs)
      vi.advanceTimersByTime(outcome.retryInMs)
    }
    expect(Date.now() - began).toBe(seconds * 1000)
    const { length } = logged.filter(({ level }) => level === 'warn')
    expect(logged.at(-1)).toMatchObject({ level: 'error', attempts: length + 1 })
  },
)

test('with RetryTimeMinutes 0 it is tried once', async () => {
  const id = await keepPlan(step('r', store('a', { RetryTimeMinutes: 0 })))
  const { act, ran } = actor({ a: [new Error('away')] })
  expect(await deliverer(spool, act, policy)(id)).toBe('dead')
  expect(ran).toEqual(['a'])
})

const asked = [
  // asked for, wait, why
  [30_000, 30_000, 'longer than our own'],
  [10, 1000, 'shorter: our own'],
  [86_400_000, 3_600_000, 'longer than it is tried at all: one last attempt at the end'],
  [Number.POSITIVE_INFINITY, 3_600_000, 'for ever: the same'],
] as const

test.for(asked)('asked to come again in %d ms, it waits %d ms: %s', async ([ms, wait]) => {
  const id = await keepPlan(step('r', store('a')))
  const { act, ran } = actor({ a: [new RetryAfterError('busy', ms)] })
  const deliver = deliverer(spool, act, policy, () => 1)
  expect(await deliver(id)).toEqual({ retryInMs: wait })
  expect(logged.at(-1)).toMatchObject({
    level: 'warn',
    rule: 'r',
    attempts: 1,
    reason: 'busy',
    retryInMs: wait,
    text: 'Action failed; it will be tried again',
  })
  vi.advanceTimersByTime(wait - 1)
  expect(await deliver(id)).toEqual({ retryInMs: 1 })
  vi.advanceTimersByTime(1)
  expect(await deliver(id)).toBe('done')
  expect(ran).toEqual(['a', 'a'])
})

test('each step has its own clock', async () => {
  const id = await keepPlan(step('r', store('a')), step('s', store('b', { RetryTimeMinutes: 1 })))
  const { act, ran } = actor({
    a: [new RetryAfterError('busy', 600_000)],
    b: [new RetryAfterError('busy', 30_000), gone],
  })
  const deliver = deliverer(spool, act, policy, () => 1)
  expect(await deliver(id)).toEqual({ retryInMs: 30_000 })
  vi.advanceTimersByTime(30_000)
  expect(await deliver(id)).toEqual({ retryInMs: 570_000 })
  vi.advanceTimersByTime(570_000)
  expect(await deliver(id)).toBe('dead')
  expect(ran).toEqual(['a', 'b', 'b', 'a'])
})
