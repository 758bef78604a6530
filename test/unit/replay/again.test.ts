/** A kept message through the rules again: what is planned, what is left out, and how the entry is marked. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import type { KeptMessage } from '../../../src/mail/receipt.ts'
import { commitAgain, planAgain, withoutQuarantine } from '../../../src/replay/again.ts'
import { type Kept, openSpooled } from '../../../src/replay/kept.ts'
import { compile } from '../../../src/rules/evaluate.ts'
import type { Rule, RuleSet } from '../../../src/rules/rule-set.ts'
import { content, liveOctets, metered } from '../../conformance/content.ts'
import { pieces } from '../client/support.ts'
import {
  filesOf,
  keep,
  messageIn,
  openDescriptors,
  restOfRecord,
  Spool,
  scratch,
} from '../spool/support.ts'

const message = Buffer.from('Subject: caf\xe9\r\n\r\n.\xe9\r\n', 'latin1')
const recipients = ['a@example.test', 'b@example.test']
const limits = { maxHeaderBytes: 65_536, maxContentBytes: 1000, oversize: 'bounce' } as const

let dataDir: string
let spool: Spool
beforeEach(() => {
  dataDir = scratch()
  spool = new Spool(dataDir)
})
afterEach(() => spool.close())

/** Undone by what a test gives. */
function keptOf(more: Partial<Kept> = {}, record: Partial<KeptMessage> = {}): Kept {
  const { plan: _, version: __, ...rest } = restOfRecord()
  const envelope = { ...rest.envelope, recipients }
  return {
    kept: { ...rest, envelope, size: message.length, sha256: '0'.repeat(64), ...record },
    from: 'store',
    recipients,
    was: [],
    read: () => pieces(message, 5),
    close: async () => {},
    ...more,
  }
}

function setOf(...rules: Partial<Rule>[]): RuleSet {
  const Rules = rules.map((rule, index) => ({
    Name: `rule-${index}`,
    Enabled: true,
    TlsPolicy: 'Optional' as const,
    Recipients: [],
    Actions: [],
    ScanEnabled: false,
    ...rule,
  }))
  return { Metadata: { Name: 'mended' }, Rules }
}
const named = (ruleSet: RuleSet) => ({
  name: ruleSet.Metadata.Name,
  compiled: compile(ruleSet, ['example.test']),
})
const put = (BucketName: string) => ({ S3Action: { BucketName } })
const bounce = {
  BounceAction: {
    SmtpReplyCode: '550',
    Message: 'Not here',
    Sender: 'postmaster@example.test',
    TopicArn: 'arn:aws:sns:eu-west-1:1:bounces',
  },
}
const subject = (value: string) => ({
  StringExpression: {
    Evaluate: { Attribute: 'SUBJECT' as const },
    Operator: 'EQUALS' as const,
    Values: [value],
  },
})
const hold = { QuarantineAction: {} }
const spamGray = {
  VerdictExpression: {
    Evaluate: { Attribute: 'SPAM' as const },
    Operator: 'EQUALS' as const,
    Values: ['FAIL' as const],
  },
}

test('nobody is bounced by a replay, in whatever way the rules would have done it', async () => {
  const one = { Recipients: ['a@example.test'] }
  const rows = [
    // rules, planned, bounces, outcome, why
    [[{ Actions: [bounce] }], [], ['550 Not here'], 'nothing', 'said in the session'],
    [[{ Actions: [put('x'), bounce] }], ['x'], ['550 Not here'], 'act', 'beside another action'],
    [
      [{ ...one, Actions: [bounce] }, { Actions: [put('x')] }],
      ['x'],
      ['550 Not here'],
      'act',
      'as a message',
    ],
    [[{ Actions: [put('x')] }], ['x'], [], 'act', 'no bounce'],
  ] as const
  for (const [rules, buckets, bounces, outcome, why] of rows) {
    const planned = await planAgain(keptOf(), named(setOf(...rules)), limits)
    expect([why, planned.outcome, planned.bounces]).toEqual([why, outcome, bounces])
    // Nor is anybody told of a bounce: TopicArn's notice goes with it.
    expect(planned.plan.map(({ action }) => action)).toEqual(buckets.map((each) => put(each)))
  }
})

test('what can not be decided, or is wanted by no rule, is planned nothing', async () => {
  const failed = { verdict: 'PROCESSING_FAILED' } as const
  const verdicts = { ...keptOf().kept.verdicts, spam: failed }
  const rows = [
    // rules, outcome, why
    [[{ Conditions: [spamGray], Actions: [put('x')] }], 'undecided', 'the verdict is missing'],
    [[{ Recipients: ['c@example.test'], Actions: [put('x')] }], 'no-rule', 'for somebody else'],
    [
      [{ Conditions: [subject('other')], Actions: [put('x')] }],
      'no-rule',
      'the condition is false',
    ],
    [[{ Actions: [{ DropAction: {} }] }], 'nothing', 'the rules drop it'],
    [[{ Conditions: [subject('caf\xe9')], Actions: [put('x')] }], 'act', 'the header is read'],
  ] as const
  for (const [rules, outcome, why] of rows) {
    const planned = await planAgain(keptOf({}, { verdicts }), named(setOf(...rules)), limits)
    expect([why, planned.outcome]).toEqual([why, outcome])
    if (outcome !== 'act') expect(planned.plan).toEqual([])
  }
})

test('what is let go passes the rules that hold, for those for whom it was held', async () => {
  const rules = setOf({ Actions: [hold] }, { Actions: [put('x')] })
  const held = keptOf({ from: 'quarantine', recipients: ['b@example.test'] })
  expect((await planAgain(held, named(rules), limits)).plan).toMatchObject([{ action: hold }])
  const { plan } = await planAgain(held, named(withoutQuarantine(rules)), limits)
  expect(plan).toMatchObject([{ action: put('x'), recipients: ['b@example.test'] }])
  expect(plan).toHaveLength(1)
})

test('the entry has a new id, says what it replays, and keeps all that was received', async () => {
  const kept = keptOf()
  const { plan } = await planAgain(kept, named(setOf({ Actions: [put('x')] })), limits)
  const now = new Date('2026-04-01T00:00:00.000Z')
  const options = { memoryBytes: 4, now }
  const id = await commitAgain(spool, kept, { plan, ruleSet: 'mended' }, options)
  const entry = await openSpooled(spool, id, 'queue')
  const { time, envelope, verdicts, id: of } = kept.kept
  expect(entry?.kept).toMatchObject({ id, time, envelope, verdicts, ruleSet: 'mended' })
  expect(entry?.kept.replay).toEqual({ of, from: 'store', time: now.toISOString() })
  expect(id).not.toBe(of)
  await entry?.close()
  expect(await messageIn(spool, id)).toEqual(message)

  // Of a replay that is replayed, the id that the sender was told.
  const again = await openSpooled(spool, id, 'queue')
  if (again === undefined) throw new Error('the entry is gone')
  const second = await commitAgain(spool, again, { plan, ruleSet: 'mended' }, options)
  await again.close()
  const last = await openSpooled(spool, second, 'queue')
  expect(last?.kept.replay).toMatchObject({ of, from: 'queue' })
  await last?.close()
})

test('a message that turns out to be damaged leaves nothing behind', async () => {
  async function* damaged(): AsyncGenerator<Buffer> {
    yield Buffer.alloc(100_000)
    throw new Error('altered')
  }
  const before = openDescriptors()
  const committing = commitAgain(
    spool,
    keptOf({ read: damaged }),
    { plan: [], ruleSet: 'mended' },
    { memoryBytes: 10 },
  )
  await expect(committing).rejects.toThrow('altered')
  // The write that is under way ends first.
  await expect.poll(() => filesOf(dataDir, 'incoming')).toEqual([])
  expect(filesOf(dataDir, 'queue')).toEqual([])
  expect(openDescriptors()).toBe(before)
})

test('a large message is written as it is read, never held whole', async () => {
  const size = 40_000_000
  const before = liveOctets()
  let peak = 0
  const note = (octets: number): void => {
    peak = Math.max(peak, octets - before)
  }
  const kept = keptOf({ read: () => metered(content(size), note) })
  const options = { memoryBytes: 128 * 1024 }
  const id = await commitAgain(spool, kept, { plan: [], ruleSet: 'mended' }, options)
  expect(await spool.size(id)).toBeGreaterThan(size)
  expect(peak).toBeLessThan(8 * 1024 * 1024)
})

test('a dead letter is planned by the rules of today, and stays where it is', async () => {
  const id = await keep(spool, message)
  await spool.bury(id, { done: [], failures: {}, ends: {} })
  const dead = await openSpooled(spool, id, 'dead')
  expect(dead?.was).toMatchObject([{ rule: 'all', action: 'S3Action', target: 'inbox/' }])
  expect(dead?.recipients).toEqual(['you@example.test'])
  await dead?.close()
  expect(await openSpooled(spool, id, 'queue')).toBeUndefined()
  expect(await spool.deadIds()).toEqual([id])
})
