/** Which step of a plan comes next, and which header fields it sees. SES: rule order, stop (reference §1.4 to §1.6) */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { addedBefore, nextStep } from '../../../src/delivery/next-step.ts'
import type { OnFailure, PlannedAction, RuleAction } from '../../../src/rules/rule-set.ts'
import { type End, isHeld, noProgress, type Progress } from '../../../src/spool/progress.ts'

const store: RuleAction = { S3Action: { BucketName: 'a' } }
const told: RuleAction = { S3Action: { BucketName: 'a', TopicArn: 'arn:aws:sns:t' } }
const header = (HeaderName: string): RuleAction => ({
  AddHeaderAction: { HeaderName, HeaderValue: 'v' },
})
const call: RuleAction = {
  LambdaAction: { FunctionArn: 'arn:f', InvocationType: 'RequestResponse', TopicArn: 'arn:t' },
}
const event: RuleAction = { LambdaAction: { FunctionArn: 'arn:f', InvocationType: 'Event' } }
const stop: RuleAction = { StopAction: { Scope: 'RuleSet', TopicArn: 'arn:t' } }
const bounce: RuleAction = {
  BounceAction: { SmtpReplyCode: '550', Message: 'no', Sender: 'a@b.test', TopicArn: 'arn:t' },
}

const step = (rule: string, action: RuleAction, ...recipients: string[]): PlannedAction => {
  return { rule, action, recipients: recipients.length === 0 ? ['a'] : recipients, scan: false }
}
const notice = (...of: Parameters<typeof step>): PlannedAction => ({ ...step(...of), notice: true })

const times = { since: '2026-03-02T09:15:27.000Z', time: '2026-03-02T09:15:27.000Z' }
const waiting = (next = 2000) => ({ attempts: 1, ...times, reason: 'away', next })
const held = { attempts: 1, ...times, reason: 'no' }
const passed = (word: 'CONTINUE' | 'DROP') => ({ ...held, passed: word })
const having = (some: Partial<Progress>): Progress => ({ ...noProgress, ...some })

const at = (index: number, ...recipients: string[]) => {
  return { next: 'step', index, recipients: recipients.length === 0 ? ['a'] : recipients }
}

const cases: readonly (readonly [
  why: string,
  plan: readonly PlannedAction[],
  progress: Progress,
  answer: object,
])[] = [
  ['nothing planned is done', [], noProgress, { next: 'done' }],
  ['the first comes first', [step('r', store), step('r', store)], noProgress, at(0)],
  ['a header field is no step', [step('r', header('X')), step('r', store)], noProgress, at(1)],
  ['nor is it left over', [step('r', header('X'))], noProgress, { next: 'done' }],
  [
    'what is done is not done again',
    [step('r', store), step('r', event)],
    having({ done: [0] }),
    at(1),
  ],
  [
    'what failed holds up the rest of its rule',
    [step('r', store), step('r', event)],
    having({ failures: { 0: waiting() } }),
    { next: 'wait', until: 2000 },
  ],
  [
    'and no other rule',
    [step('r', store), step('r', event), step('s', store)],
    having({ failures: { 0: waiting() } }),
    at(2),
  ],
  ['its time is now', [step('r', store)], having({ failures: { 0: waiting(1000) } }), at(0)],
  [
    'the earliest time counts',
    [step('r', store), step('s', store)],
    having({ failures: { 0: waiting(3000), 1: waiting(2500) } }),
    { next: 'wait', until: 2500 },
  ],
  [
    'given up and nothing else left',
    [step('r', store), step('r', event), step('s', store)],
    having({ done: [2], failures: { 0: held } }),
    { next: 'dead' },
  ],
  [
    'given up while another waits',
    [step('r', store), step('s', store)],
    having({ failures: { 0: held, 1: waiting() } }),
    { next: 'wait', until: 2000 },
  ],
  [
    'a time that is no number loses nothing',
    [step('r', store)],
    having({ failures: { 0: waiting(Number.NaN) } }),
    { next: 'dead' },
  ],
  [
    'CONTINUE lets the next one through',
    [step('r', store), step('r', event)],
    having({ failures: { 0: passed('CONTINUE') } }),
    at(1),
  ],
  [
    'DROP ends it for its recipients, in later rules, too',
    [step('r', store), step('r', event), step('s', store, 'a', 'b'), step('t', store)],
    having({ failures: { 0: passed('DROP') } }),
    at(2, 'b'),
  ],
  [
    'all dropped is done',
    [step('r', store), step('r', event), step('s', store)],
    having({ failures: { 0: passed('DROP') } }),
    { next: 'done' },
  ],
  [
    'but for what was held before',
    [step('r', store), step('s', store)],
    having({ failures: { 0: passed('DROP'), 1: held } }),
    { next: 'dead' },
  ],
  [
    'a function holds later rules of its recipients',
    [step('r', call), step('s', store, 'a', 'b'), step('t', store, 'b')],
    having({ failures: { 0: waiting() } }),
    at(2, 'b'),
  ],
  [
    'a function that is not waited for holds nobody',
    [step('r', event), step('s', store)],
    having({ failures: { 0: waiting() } }),
    at(1),
  ],
  [
    'a rule that is held by a function holds its own function and whom that may stop',
    [step('r', call, 'a'), step('s', call, 'a', 'b'), step('t', store, 'b')],
    having({ failures: { 0: held } }),
    { next: 'dead' },
  ],
  [
    'STOP_RULE ends the rule only',
    [step('r', call), step('r', store), step('s', store)],
    having({ done: [0], ends: { 0: 'STOP_RULE' } }),
    at(2),
  ],
  [
    'STOP_RULE_SET stops its recipients, others go on',
    [step('r', call), step('r', store), step('s', store, 'b', 'a'), step('t', store)],
    having({ done: [0], ends: { 0: 'STOP_RULE_SET' } }),
    at(2, 'b'),
  ],
  [
    'an earlier rule is not stopped by a later one',
    [step('r', store), step('s', call)],
    having({ done: [1], failures: { 0: waiting(0) }, ends: { 1: 'STOP_RULE_SET' } }),
    at(0),
  ],
  ['the notice follows', [step('r', told), notice('r', told)], having({ done: [0] }), at(1)],
  [
    'a notice waits for its step',
    [step('r', told), notice('r', told)],
    having({ failures: { 0: waiting() } }),
    { next: 'wait', until: 2000 },
  ],
  [
    'a notice of what was given up is not sent',
    [step('r', told), notice('r', told), step('r', event)],
    having({ failures: { 0: passed('CONTINUE') } }),
    at(2),
  ],
  [
    'a notice holds up nothing',
    [step('r', told), notice('r', told), step('r', event)],
    having({ done: [0], failures: { 1: held } }),
    at(2),
  ],
  [
    'a notice that is passed by ends nothing',
    [step('r', told), notice('r', told), step('r', event)],
    having({ done: [0], failures: { 1: passed('DROP') } }),
    at(2),
  ],
  [
    'of the function that ended the rule, the notice is sent',
    [step('r', call), notice('r', call), step('r', store)],
    having({ done: [0], ends: { 0: 'STOP_RULE_SET' } }),
    at(1),
  ],
  [
    'but for those only for whom it was called',
    [step('r', call), step('s', call, 'a', 'b'), notice('s', call, 'a', 'b')],
    having({ done: [0, 1], ends: { 0: 'STOP_RULE_SET', 1: 'STOP_RULE' } }),
    at(2, 'b'),
  ],
  [
    'a Stop that a function came before is not told of',
    [step('r', call), notice('r', stop)],
    having({ done: [0], ends: { 0: 'STOP_RULE' } }),
    { next: 'done' },
  ],
  [
    'a Stop is told of, whatever became of the step before it',
    [step('r', store), notice('r', stop)],
    having({ failures: { 0: passed('CONTINUE') } }),
    at(1),
  ],
  [
    'so is a bounce that was said in the session',
    [step('r', store), notice('r', bounce)],
    having({ failures: { 0: passed('CONTINUE') } }),
    at(1),
  ],
  [
    'the notice of another rule is its own',
    [step('r', told), notice('s', told)],
    having({ failures: { 0: passed('CONTINUE') } }),
    at(1),
  ],
]

test.for(cases)('%s', ([, plan, progress, answer]) => {
  expect(nextStep(plan, progress, 1000)).toEqual(answer)
})

describe('the header fields a step sees', () => {
  const x = step('r', header('X'))
  const fields: readonly (readonly [
    why: string,
    before: readonly PlannedAction[],
    progress: Progress,
    names: readonly string[],
  ])[] = [
    ['those before it, in order', [x, step('r', header('Y'))], noProgress, ['X', 'Y']],
    ['those of an earlier rule', [x, step('q', store)], noProgress, ['X']],
    [
      'behind a step that waits',
      [step('r', store), x],
      having({ failures: { 0: waiting() } }),
      ['X'],
    ],
    ['not behind a function that has not answered', [step('r', call), x], noProgress, []],
    ['but of rules that do not depend on it', [step('q', call), x], noProgress, ['X']],
    ['behind a function that let it go on', [step('r', call), x], having({ done: [0] }), ['X']],
    [
      'behind a function that failed and is passed by',
      [step('r', call), x],
      having({ failures: { 0: passed('CONTINUE') } }),
      ['X'],
    ],
    [
      'not behind one that ended the rule',
      [step('r', call), x],
      having({ done: [0], ends: { 0: 'STOP_RULE' } }),
      [],
    ],
    [
      'not in a later rule, when all its recipients are stopped',
      [step('q', call), x, step('s', header('Y'), 'b')],
      having({ done: [0], ends: { 0: 'STOP_RULE_SET' } }),
      ['Y'],
    ],
    [
      'not behind what was dropped',
      [step('r', store), x, step('s', header('Y'), 'a', 'b')],
      having({ failures: { 0: passed('DROP') } }),
      ['Y'],
    ],
  ]

  test.for(fields)('are %s', ([, before, progress, names]) => {
    const plan = [...before, step('z', store, 'z')]
    const added = addedBefore(plan, progress, before.length)
    expect(added.map(({ name }) => name)).toEqual(names)
  })
})

/** What one try of a step may come to. */
type Luck = 'done' | 'fails' | 'given-up' | End
const luck = fc.constantFrom<Luck>(
  'done',
  'done',
  'fails',
  'given-up',
  'STOP_RULE',
  'STOP_RULE_SET',
)
const onFailure = fc.constantFrom<OnFailure>('HOLD', 'CONTINUE', 'DROP')
const rules = fc.array(
  fc.record({
    recipients: fc.uniqueArray(fc.constantFrom('a', 'b', 'c'), { minLength: 1 }),
    actions: fc.array(fc.tuple(fc.constantFrom(store, told, call, event, header('X')), onFailure), {
      maxLength: 4,
    }),
  }),
  { maxLength: 4 },
)
const plans = rules.map((some) =>
  some.flatMap(({ recipients, actions }, place) =>
    actions.flatMap(([action, OnFailure]): PlannedAction[] => {
      const one = step(`r${place}`, { ...action, OnFailure }, ...recipients)
      const isTold = action === told || action === call
      return [one, ...(isTold ? [{ ...one, notice: true as const }] : [])]
    }),
  ),
)

type Try = { readonly index: number; readonly recipients: readonly string[]; readonly came: Luck }

/** Carries a plan out with the luck given, as deliver.ts does, and says which steps were tried, for whom. */
function play(plan: readonly PlannedAction[], lucks: readonly Luck[]) {
  const tried: Try[] = []
  let progress = noProgress
  let now = 0
  for (let turn = 0; turn < 500; turn += 1) {
    const next = nextStep(plan, progress, now)
    if (next.next === 'wait') {
      expect(next.until).toBeGreaterThan(now)
      now = next.until
      continue
    }
    if (next.next !== 'step') return { tried, progress, end: next.next }
    const { index, recipients } = next
    const { action, notice: isNotice } = plan[index] as PlannedAction
    const given = lucks[turn % lucks.length] ?? 'done'
    // In the end all that waits is done.
    const drawn = given === 'fails' && turn >= 100 ? 'done' : given
    tried.push({ index, recipients, came: drawn })
    const { [index]: _, ...others } = progress.failures
    const { OnFailure = 'HOLD' } = action
    if (drawn === 'fails')
      progress = { ...progress, failures: { ...others, [index]: waiting(now + 10) } }
    else if (drawn === 'given-up') {
      const failure = OnFailure === 'HOLD' ? held : passed(OnFailure)
      progress = { ...progress, failures: { ...others, [index]: failure } }
    } else {
      const ends = drawn === 'STOP_RULE' || drawn === 'STOP_RULE_SET'
      const says = ends && !isNotice && Object.hasOwn(action, 'LambdaAction') && !isEvent(action)
      progress = {
        done: [...progress.done, index],
        failures: others,
        ends: says ? { ...progress.ends, [index]: drawn } : progress.ends,
      }
    }
  }
  throw new Error('it does not come to an end')
}

const isEvent = (action: RuleAction): boolean =>
  'LambdaAction' in action && action.LambdaAction.InvocationType === 'Event'

const settled = ({ done, failures }: Progress, index: number): boolean =>
  done.includes(index) || failures[index]?.passed !== undefined

describe('whatever happens', () => {
  const lucks = fc.array(luck, { minLength: 1, maxLength: 12 })

  test('every plan comes to an end, dead only with something held, done only without', () => {
    fc.assert(
      fc.property(plans, lucks, (plan, drawn) => {
        const { progress, end } = play(plan, drawn)
        const anyHeld = Object.values(progress.failures).some(isHeld)
        expect(end).toBe(anyHeld ? 'dead' : 'done')
      }),
      { numRuns: 1000 },
    )
  })

  test('no step is tried again once it is done or given up', () => {
    fc.assert(
      fc.property(plans, lucks, (plan, drawn) => {
        const { tried } = play(plan, drawn)
        const settledOnes = tried.filter(({ came }) => came !== 'fails').map(({ index }) => index)
        expect(new Set(settledOnes).size).toBe(settledOnes.length)
        for (const index of settledOnes)
          expect(tried.findLast((each) => each.index === index)?.came).not.toBe('fails')
      }),
      { numRuns: 1000 },
    )
  })

  test('within a rule the actions come in order, and the notice after what it tells of', () => {
    fc.assert(
      fc.property(plans, lucks, (plan, drawn) => {
        const { tried } = play(plan, drawn)
        const firsts = [...new Set(tried.map((each) => each.index))]
        for (const rule of new Set(plan.map((each) => each.rule))) {
          const own = firsts.filter((index) => plan[index]?.rule === rule)
          const acts = own.filter((index) => !plan[index]?.notice)
          expect(acts).toEqual([...acts].sort((one, other) => one - other))
          for (const index of own.filter((each) => plan[each]?.notice))
            expect(own.indexOf(index - 1)).toBeLessThan(own.indexOf(index))
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('a notice is sent only of what was done', () => {
    fc.assert(
      fc.property(plans, lucks, (plan, drawn) => {
        const { tried, progress } = play(plan, drawn)
        for (const { index } of tried)
          if (plan[index]?.notice) expect(progress.done).toContain(index - 1)
      }),
      { numRuns: 1000 },
    )
  })

  test('a step is left out only behind what was held in its rule, a function, an end or a drop', () => {
    fc.assert(
      fc.property(plans, lucks, (plan, drawn) => {
        const { tried, progress } = play(plan, drawn)
        const wasTried = new Set(tried.map((each) => each.index))
        const over = Object.keys(progress.ends).length > 0
        const dropped = Object.values(progress.failures).some((each) => each.passed === 'DROP')
        for (const [index, one] of plan.entries()) {
          if (wasTried.has(index) || 'AddHeaderAction' in one.action || over || dropped) continue
          const excuses = plan.slice(0, index).filter((other, place) => {
            if (settled(progress, place) || 'AddHeaderAction' in other.action) {
              return one.notice && place === index - 1 && !progress.done.includes(place)
            }
            const isFunction = 'LambdaAction' in other.action && !isEvent(other.action)
            return !other.notice && (other.rule === one.rule || isFunction)
          })
          expect(excuses.length).toBeGreaterThan(0)
        }
      }),
      { numRuns: 1000 },
    )
  })

  test('no recipient is acted for behind the end that a function gave for it', () => {
    fc.assert(
      fc.property(plans, lucks, (plan, drawn) => {
        const { tried, progress } = play(plan, drawn)
        for (const { index, recipients } of tried) {
          for (const [place, word] of Object.entries(progress.ends)) {
            const ender = plan[Number(place)] as PlannedAction
            const own = index === Number(place) + 1 && plan[index]?.notice === true
            if (Number(place) >= index || own) continue
            if (plan[index]?.rule === ender.rule) expect(recipients).toEqual([])
            if (word === 'STOP_RULE_SET')
              for (const each of ender.recipients) expect(recipients).not.toContain(each)
          }
        }
      }),
      { numRuns: 1000 },
    )
  })
})

test('when all goes well, the steps are done in the order of the plan, for all of their recipients', () => {
  fc.assert(
    fc.property(plans, (plan) => {
      const { tried, end } = play(plan, ['done'])
      const all = [...plan.entries()].filter(([, { action }]) => !('AddHeaderAction' in action))
      expect(end).toBe('done')
      expect(tried).toEqual(
        all.map(([index, { recipients }]) => ({ index, recipients, came: 'done' })),
      )
    }),
  )
})
