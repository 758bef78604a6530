/** What differs between two rule sets. */
import * as fc from 'fast-check'
import { expect, test } from 'vitest'
import { diffRuleSets, isEqual } from '../../../src/rules/diff.ts'
import { parseRuleSet } from '../../../src/rules/load.ts'
import type { RuleSet } from '../../../src/rules/rule-set.ts'

function setOf(...Rules: readonly object[]): RuleSet {
  const text = JSON.stringify({ Metadata: { Name: 'a' }, Rules })
  const { ruleSet, problems } = parseRuleSet(text, 'a.json')
  if (ruleSet === undefined) throw new Error(problems.join())
  return ruleSet
}

const named = (...names: readonly string[]) => setOf(...names.map((Name) => ({ Name })))
const store = (spec: object) => [{ S3Action: { BucketName: 'b', ...spec } }]
const equal = { added: [], removed: [], moved: [], changed: [] }

const equals = [
  // before, after, why
  [{}, { Enabled: false, TlsPolicy: 'Optional', Actions: [] }, 'defaults written out'],
  [
    { Recipients: ['a.test', 'b.test', 'b.test'] },
    { Recipients: ['B.TEST', 'a.test'] },
    'recipients in another order and spelling',
  ],
  [
    { Actions: [{ SNSAction: { TopicArn: 'arn:aws:sns:a:1:b' } }] },
    { Actions: [{ SNSAction: { Encoding: 'UTF-8', TopicArn: 'arn:aws:sns:a:1:b' } }] },
    "an action's default and another order of keys",
  ],
] as const

test.for(equals)('%j and %j are equal: %s', ([before, after]) => {
  const diff = diffRuleSets(setOf({ Name: 'r', ...before }), setOf({ Name: 'r', ...after }))
  expect(diff).toEqual(equal)
  expect(isEqual(diff)).toBe(true)
})

const fields = [
  // before, after, fields
  [{}, { Enabled: true }, [{ field: 'Enabled', before: false, after: true }]],
  [
    { Recipients: ['a.test', 'b.test'] },
    { Recipients: ['b.test', 'c.test'] },
    [{ field: 'Recipients', added: ['c.test'], removed: ['a.test'] }],
  ],
  [
    { Actions: store({ ObjectKeyPrefix: 'x' }) },
    { Actions: store({}) },
    [{ field: 'Actions[0].S3Action.ObjectKeyPrefix', before: 'x' }],
  ],
  [
    { Actions: [] },
    { Actions: [{ StopAction: { Scope: 'RuleSet' } }] },
    [{ field: 'Actions[0]', after: { StopAction: { Scope: 'RuleSet' } } }],
  ],
  [
    { Actions: store({}) },
    { Actions: [{ ...store({})[0], OnFailure: 'DROP' }] },
    [{ field: 'Actions[0].OnFailure', after: 'DROP' }],
  ],
] as const

test.for(fields)('from %j to %j the fields %j differ', ([before, after, expected]) => {
  const diff = diffRuleSets(setOf({ Name: 'r', ...before }), setOf({ Name: 'r', ...after }))
  expect(diff).toEqual({ ...equal, changed: [{ name: 'r', fields: expected }] })
  expect(isEqual(diff)).toBe(false)
})

const orders = [
  // before, after, diff, why
  ['abc', 'abxc', { added: [{ name: 'x', to: 2 }] }, 'a new rule moves nothing'],
  ['abc', 'bc', { removed: [{ name: 'a', from: 0 }] }, 'nor does one that has gone'],
  ['abcd', 'dabc', { moved: [{ name: 'd', from: 3, to: 0 }] }, 'one moved, not three'],
  [
    'abc',
    'cba',
    {
      moved: [
        { name: 'c', from: 2, to: 0 },
        { name: 'b', from: 1, to: 1 },
      ],
    },
    'turned round: all but one',
  ],
] as const

test.for(orders)('from %s to %s: %j, %s', ([before, after, expected]) => {
  expect(diffRuleSets(named(...before), named(...after))).toEqual({ ...equal, ...expected })
})

test('taking away what moved leaves the same order in both', () => {
  const names = fc.uniqueArray(fc.constantFrom(...'abcdefghij'), { maxLength: 10 })
  fc.assert(
    fc.property(names, names, (before, after) => {
      const diff = diffRuleSets(named(...before), named(...after))
      const gone = new Set([...diff.added, ...diff.removed, ...diff.moved].map(({ name }) => name))
      const rest = (all: readonly string[]) => all.filter((each) => !gone.has(each))
      expect(rest(after)).toEqual(rest(before))
      expect(isEqual(diff)).toBe(before.join() === after.join())
    }),
  )
})
