/** What a rule set does with a message. SES: rule order, stop (reference §1.4 to §1.6) */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { compile, evaluate, wants } from '../../../src/rules/evaluate.ts'
import type { Rule, RuleAction, RuleSet } from '../../../src/rules/rule-set.ts'
import { naiveEvaluate, naiveWants } from './reference.ts'

const store = (BucketName: string): RuleAction => ({ S3Action: { BucketName } })
const header: RuleAction = { AddHeaderAction: { HeaderName: 'X-Team', HeaderValue: 'a' } }
const stop: RuleAction = { StopAction: { Scope: 'RuleSet' } }

function rule(Name: string, some: Partial<Rule> = {}): Rule {
  const defaults = { Enabled: true, TlsPolicy: 'Optional', ScanEnabled: false } as const
  return { Name, ...defaults, Recipients: [], Actions: [store(Name)], ...some }
}

function ruleSet(...Rules: readonly Rule[]): RuleSet {
  return { Metadata: { Name: 'test' }, Rules }
}

function run(rules: readonly Rule[], recipients: readonly string[], tls = false) {
  const evaluation = evaluate(compile(ruleSet(...rules), ['example.test']), { recipients, tls })
  const plan = evaluation.plan.map(
    ({ rule: name, recipients: whom, action }) =>
      `${name} ${Object.keys(action)} ${whom.join(' ')}`,
  )
  return { disposition: evaluation.disposition, plan, trace: evaluation.trace }
}

test('every matching rule fires, in set order, with the recipients it matched', () => {
  const rules = [
    rule('one', { Recipients: ['a@example.test'] }),
    rule('two', { Recipients: ['nobody@example.test'] }),
    rule('three'),
  ]
  expect(run(rules, ['b@example.test', 'a+x@example.test'])).toEqual({
    disposition: 'accept',
    plan: ['one S3Action a+x@example.test', 'three S3Action b@example.test a+x@example.test'],
    trace: [
      {
        name: 'one',
        matched: true,
        recipients: ['a+x@example.test'],
        why: 'matched by pattern a@example.test',
      },
      { name: 'two', matched: false, recipients: [], why: 'no recipient matches' },
      {
        name: 'three',
        matched: true,
        recipients: ['b@example.test', 'a+x@example.test'],
        why: 'matched by a configured domain, as the rule names no recipients',
      },
    ],
  })
})

test('actions keep their order, so that a header is added to what comes after it', () => {
  const rules = [rule('one', { Actions: [store('x'), header, store('y')] }), rule('two')]
  expect(run(rules, ['a@example.test']).plan).toEqual([
    'one S3Action a@example.test',
    'one AddHeaderAction a@example.test',
    'one S3Action a@example.test',
    'two S3Action a@example.test',
  ])
})

test('a stop ends evaluation for the recipients of its rule, the others go on', () => {
  const rules = [
    rule('drop', { Recipients: ['a@example.test'], Actions: [stop] }),
    rule('rest'),
    rule('late', { Recipients: ['a@example.test'] }),
  ]
  const { disposition, plan, trace } = run(rules, ['a@example.test', 'b@example.test'])
  expect(disposition).toBe('accept')
  expect(plan).toEqual(['rest S3Action b@example.test'])
  expect(trace.map(({ why }) => why)).toEqual([
    'matched by pattern a@example.test',
    'matched by a configured domain, as the rule names no recipients, other recipients stopped earlier by rule drop',
    'stopped earlier by rule drop',
  ])
})

test('a message whose recipients are all stopped is accepted with an empty plan', () => {
  const rules = [rule('drop', { Actions: [stop] }), rule('rest')]
  expect(run(rules, ['a@example.test'])).toMatchObject({ disposition: 'accept', plan: [] })
})

test('what a rule did before its stop stays done', () => {
  const rules = [rule('one', { Actions: [store('x'), stop] }), rule('two')]
  expect(run(rules, ['a@example.test']).plan).toEqual(['one S3Action a@example.test'])
})

test('a rule that did not match stops nobody', () => {
  const rules = [
    rule('tls', { TlsPolicy: 'Require', Actions: [stop] }),
    rule('off', { Enabled: false, Actions: [stop] }),
    rule('other', { Recipients: ['b@example.test'], Actions: [stop] }),
    rule('rest'),
  ]
  const { plan, trace } = run(rules, ['a@example.test'])
  expect(plan).toEqual(['rest S3Action a@example.test'])
  expect(trace.slice(0, 3).map(({ why }) => why)).toEqual([
    'requires TLS',
    'disabled',
    'no recipient matches',
  ])
})

test('a message that no rule matches is rejected', () => {
  expect(run([rule('one')], ['a@elsewhere.test'])).toMatchObject({ disposition: 'reject' })
  expect(run([], ['a@example.test'])).toMatchObject({ disposition: 'reject', trace: [] })
})

test('the plan says whether the rule has mail scanned', () => {
  const compiled = compile(ruleSet(rule('one', { ScanEnabled: true })), ['example.test'])
  const { plan } = evaluate(compiled, { recipients: ['a@example.test'], tls: false })
  expect(plan[0]?.scan).toBe(true)
})

test('the whole of an evaluation can be kept as JSON', () => {
  const compiled = compile(ruleSet(rule('one')), ['example.test'])
  const evaluation = evaluate(compiled, { recipients: ['a@example.test'], tls: false })
  expect(JSON.parse(JSON.stringify(evaluation)).trace).toEqual(evaluation.trace)
})

const tlsRule = (Name: string, some: Partial<Rule> = {}) =>
  rule(Name, { TlsPolicy: 'Require', ...some })
const wanted = { wanted: true }
const noRule = { wanted: false, reason: 'no-rule' }
const tlsRequired = { wanted: false, reason: 'tls-required' }

const other = { Recipients: ['other.test'] }
const rcpt = [
  // why, rules, recipient, tls, answer
  ['a configured domain', [rule('r')], 'a@example.test', false, wanted],
  ['a subdomain of a configured domain', [rule('r')], 'a@sub.example.test', false, wanted],
  ['a rule without recipients takes only those', [rule('r')], 'a@other.test', false, noRule],
  ['a pattern needs no configured domain', [rule('r', other)], 'a@other.test', false, wanted],
  ['a disabled rule wants nobody', [rule('r', { Enabled: false })], 'a@example.test', true, noRule],
  [
    'a rule that only stops wants',
    [rule('r', { Actions: [stop] })],
    'a@example.test',
    true,
    wanted,
  ],
  ['so does one that does nothing', [rule('r', { Actions: [] })], 'a@example.test', true, wanted],
  ['TLS is there', [tlsRule('r')], 'a@example.test', true, wanted],
  ['every rule requires TLS', [tlsRule('r')], 'a@example.test', false, tlsRequired],
  ['another rule does not', [tlsRule('r'), rule('s')], 'a@example.test', false, wanted],
  ['TLS would not help', [tlsRule('r')], 'a@other.test', false, noRule],
  ['no domain: the edge completes it, RFC 5321 §4.5.1', [rule('r')], 'postmaster', false, noRule],
  ['an empty rule set receives nothing', [], 'a@example.test', true, noRule],
] as const

test.for(rcpt)('at RCPT: %s', ([, rules, recipient, tls, answer]) => {
  const compiled = compile(ruleSet(...rules), ['Example.TEST'])
  expect(wants(compiled, recipient, { tls })).toEqual(answer)
})

const host = fc.constantFrom('a.test', 'x.a.test', 'y.x.a.test', 'b.test', 'x.b.test', 'c.test')
const user = fc.constantFrom('u', 'u+x', 'u+x+y', 'v', 'V+', '+')
const recipients = fc.array(
  fc.tuple(user, host).map(([name, at]) => `${name}@${at}`),
  { minLength: 1, maxLength: 5 },
)
const pattern = fc.oneof(
  host,
  host.map((each) => `.${each}`),
  fc.tuple(user, host).map(([name, at]) => `${name}@${at}`.toUpperCase()),
)
const actions = fc
  .tuple(fc.array(fc.constantFrom(store('x'), header), { maxLength: 2 }), fc.boolean())
  .map(([some, last]) => (last ? [...some, stop] : some))
const rules = fc.array(
  fc.record({
    Enabled: fc.boolean(),
    TlsPolicy: fc.constantFrom('Optional' as const, 'Require' as const),
    Recipients: fc.array(pattern, { maxLength: 3 }),
    Actions: actions,
    ScanEnabled: fc.boolean(),
  }),
  { maxLength: 8 },
)
const domains = fc.uniqueArray(host, { maxLength: 2 })

test('the indexed evaluation equals a loop over all rules', () => {
  fc.assert(
    fc.property(rules, domains, recipients, fc.boolean(), (some, ours, whom, tls) => {
      const set = ruleSet(...some.map((each, index) => ({ Name: `r${index}`, ...each })))
      const compiled = compile(set, ours)
      const { disposition, plan, trace } = evaluate(compiled, { recipients: whom, tls })
      const { matchedOf, ...naive } = naiveEvaluate(set, ours, { recipients: whom, tls })
      expect({ disposition, plan }).toEqual(naive)
      expect(trace.map((each) => each.recipients)).toEqual(matchedOf)
      expect(trace.every((each) => each.matched === each.recipients.length > 0)).toBe(true)
      for (const one of whom) {
        expect(wants(compiled, one, { tls })).toEqual(naiveWants(set, ours, one, tls))
      }
    }),
    { numRuns: 2000 },
  )
})

test('who is wanted at RCPT is matched at the end of DATA, so that no accepted recipient is lost', () => {
  fc.assert(
    fc.property(rules, domains, recipients, fc.boolean(), (some, ours, [one = ''], tls) => {
      const set = ruleSet(...some.map((each, index) => ({ Name: `r${index}`, ...each })))
      const compiled = compile(set, ours)
      const { disposition } = evaluate(compiled, { recipients: [one], tls })
      expect(wants(compiled, one, { tls }).wanted).toBe(disposition === 'accept')
    }),
  )
})
