/** What can be said in the session, what is too large for a topic, and where a message was stored before. */
import { expect, test } from 'vitest'
import { sessionBounce, storedBefore, withinSizes } from '../../../src/rules/bounce.ts'
import type { BounceAction, PlannedAction, RuleAction } from '../../../src/rules/rule-set.ts'

const bounceOf = (some: Partial<BounceAction> = {}): RuleAction => ({
  BounceAction: { SmtpReplyCode: '550', Message: 'no', Sender: 'a@b.test', ...some },
})
const bounce = bounceOf()
const later = bounceOf({ SmtpReplyCode: '450' })
const store: RuleAction = { S3Action: { BucketName: 'a' } }
const header: RuleAction = { AddHeaderAction: { HeaderName: 'X', HeaderValue: 'v' } }
const topic: RuleAction = { SNSAction: { TopicArn: 'arn:t', Encoding: 'UTF-8' } }
const call = (InvocationType: 'Event' | 'RequestResponse'): RuleAction => {
  return { LambdaAction: { FunctionArn: 'arn:f', InvocationType } }
}

const step = (rule: string, action: RuleAction, ...recipients: string[]): PlannedAction => {
  return { rule, action, recipients: recipients.length === 0 ? ['a'] : recipients, scan: false }
}
const notice = (...of: Parameters<typeof step>): PlannedAction => ({ ...step(...of), notice: true })

const stored = step('r', store)
const toldBounce = bounceOf({ TopicArn: 'arn:t' })
const toldLater = bounceOf({ SmtpReplyCode: '450', TopicArn: 'arn:t' })

const sessions: readonly (readonly [
  why: string,
  plan: readonly PlannedAction[],
  recipients: readonly string[],
  /** The places of what is still to be done; `no`: a bounce message has to be sent, or none. */
  rest: readonly number[] | 'no',
])[] = [
  ['no bounce is asked for', [stored], ['a'], 'no'],
  ['nothing is planned', [], ['a'], 'no'],
  ['the only recipient is bounced', [step('r', bounce)], ['a'], []],
  ['all of them are', [step('r', bounce, 'a', 'b')], ['a', 'b'], []],
  [
    'all of them by two rules, in the same words',
    [step('r', bounce), step('s', bounce, 'b')],
    ['b', 'a'],
    [],
  ],
  ['a bounce of one is not for the others', [step('r', bounce)], ['a', 'b'], 'no'],
  ['two different ones can not be said', [step('r', bounce), step('s', later)], ['a'], 'no'],
  [
    'a text that differs is another, too',
    [step('r', bounce), step('s', bounceOf({ Message: 'never' }))],
    ['a'],
    'no',
  ],
  [
    'the Sender is of messages only',
    [step('r', bounce), step('s', bounceOf({ Sender: 'c@d.test' }))],
    ['a'],
    [],
  ],
  ['all else is done after a 5xx', [stored, step('r', bounce), step('s', store)], ['a'], [0, 2]],
  ['its notice, too', [step('r', toldBounce), notice('r', toldBounce)], ['a'], [1]],
  ['a 4xx alone can be said', [step('r', later)], ['a'], []],
  ['a 4xx with more would have that done on each visit', [stored, step('r', later)], ['a'], 'no'],
  ['a notice is more', [step('r', toldLater), notice('r', toldLater)], ['a'], 'no'],
  ['a header field alone is nothing', [step('r', header), step('r', later)], ['a'], []],
  ['with a 5xx neither', [step('r', header), step('r', bounce)], ['a'], []],
  [
    'where something is stored it is',
    [step('r', header), stored, step('r', bounce)],
    ['a'],
    [0, 1],
  ],
  [
    'a function may still stop it',
    [step('r', call('RequestResponse')), step('r', bounce)],
    ['a'],
    'no',
  ],
  ['one that is not waited for can not', [step('r', call('Event')), step('r', bounce)], ['a'], [0]],
]

test.for(sessions)('%s', ([, plan, recipients, rest]) => {
  const found = sessionBounce(plan, recipients)
  expect(found?.rest ?? 'no').toEqual(rest === 'no' ? rest : rest.map((place) => plan[place]))
  if (found !== undefined) expect(found.reply.SmtpReplyCode).toMatch(/^[45]50$/)
})

test('what is too large for a topic becomes a bounce, with its rule for failures', () => {
  const patient = step('r', { ...topic, OnFailure: 'CONTINUE', RetryTimeMinutes: 5 })
  const plan = [stored, step('r', topic), patient]
  const limit = { limit: 100, byReference: false }
  expect(withinSizes(plan, 100, limit)).toEqual(plan)
  const tooLarge = {
    SmtpReplyCode: '552',
    StatusCode: '5.2.3',
    Message: 'Message length exceeds limit set by recipient',
    Sender: '',
  }
  expect(withinSizes(plan, 101, limit)).toEqual([
    stored,
    step('r', { BounceAction: tooLarge }),
    step('r', { BounceAction: tooLarge, OnFailure: 'CONTINUE', RetryTimeMinutes: 5 }),
  ])
})

test('by reference it may go where its own rule has stored it before', () => {
  const plan = [step('q', topic), step('q', store), step('r', topic), step('q', topic)]
  const found = withinSizes(plan, 101, { limit: 100, byReference: true })
  expect(found.map(({ action }) => Object.keys(action)[0])).toEqual([
    'BounceAction',
    'S3Action',
    'BounceAction',
    'SNSAction',
  ])
})

test('the last S3Action before a step says where the message is, if it is not known to have failed', () => {
  const other: RuleAction = { S3Action: { BucketName: 'b' } }
  const plan = [
    step('r', store),
    step('r', other),
    notice('r', { S3Action: { BucketName: 'c' } }),
    step('q', { S3Action: { BucketName: 'd' } }),
    step('r', topic),
  ]
  expect(storedBefore(plan, 4)?.BucketName).toBe('b')
  expect(storedBefore(plan, 4, { 1: 'away' })?.BucketName).toBe('a')
  expect(storedBefore(plan, 4, { 0: 'away', 1: 'away' })).toBeUndefined()
  expect(storedBefore(plan, 0)).toBeUndefined()
  expect(storedBefore(plan, 9)).toBeUndefined()
})
