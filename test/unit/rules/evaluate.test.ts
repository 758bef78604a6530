/** What a rule set does with a message. SES: rule order, stop (reference §1.4 to §1.6) */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { allDisabled, type Verdict } from '../../../src/mail/verdict.ts'
import { sessionBounce } from '../../../src/rules/bounce.ts'
import type { Condition } from '../../../src/rules/condition.ts'
import { compile, evaluate, outlook, wants } from '../../../src/rules/evaluate.ts'
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
const told: RuleAction = { S3Action: { BucketName: 'told', TopicArn: 'arn:t' } }
const bounce: RuleAction = {
  BounceAction: { SmtpReplyCode: '550', Message: 'no', Sender: 'a@b.test' },
}
const endings: readonly RuleAction[] = [
  stop,
  { StopAction: { Scope: 'RuleSet', TopicArn: 'arn:t' } },
  { DropAction: {} },
  { QuarantineAction: { TopicArn: 'arn:t' } },
]
const actions = fc
  .tuple(
    fc.array(fc.constantFrom(store('x'), header, told, bounce, bounce), { maxLength: 2 }),
    fc.option(fc.constantFrom(...endings), { nil: undefined }),
  )
  .map(([some, last]) => (last === undefined ? some : [...some, last]))
const text = (Attribute: 'RECIPIENT' | 'HELO', ...Values: string[]): Condition => ({
  StringExpression: { Evaluate: { Attribute }, Operator: 'EQUALS', Values },
})
const condition = fc.constantFrom<Condition>(
  text('RECIPIENT', 'u@a.test', 'V@x.a.test', 'u@b.test'),
  text('HELO', 'mx.test'),
  {
    VerdictExpression: {
      Evaluate: { Attribute: 'SPAM' },
      Operator: 'EQUALS',
      Values: ['PASS', 'DISABLED'],
    },
  },
)
const conditions = fc.array(condition, { maxLength: 2 })
const rules = fc.array(
  fc.record({
    Enabled: fc.boolean(),
    TlsPolicy: fc.constantFrom('Optional' as const, 'Require' as const),
    Recipients: fc.array(pattern, { maxLength: 3 }),
    Actions: actions,
    ScanEnabled: fc.constant(true),
    Conditions: conditions,
    Unless: fc.oneof(fc.constant([]), conditions),
    OnUndecided: fc.constantFrom('SKIP' as const, 'MATCH' as const, 'DEFER' as const),
  }),
  { maxLength: 8 },
)
const session = fc.record(
  { tls: fc.boolean(), helo: fc.constantFrom('mx.test', 'other.test') },
  { requiredKeys: ['tls'] },
)
const verdicts = fc.constantFrom('PASS' as const, 'FAIL' as const, 'PROCESSING_FAILED' as const)
const judged = (verdict: Verdict) => ({ ...allDisabled('test'), spam: { verdict } })
const domains = fc.uniqueArray(host, { maxLength: 2 })

const named = (some: readonly Omit<Rule, 'Name'>[]) =>
  ruleSet(...some.map((each, index) => ({ Name: `r${index}`, ...each })))

test('the indexed evaluation equals a loop over all rules', () => {
  fc.assert(
    fc.property(rules, domains, recipients, session, verdicts, (some, ours, whom, known, word) => {
      const set = named(some)
      const compiled = compile(set, ours)
      const facts = { ...known, recipients: whom, size: 1, verdicts: judged(word) }
      const { disposition, plan, trace, unmatched } = evaluate(compiled, facts)
      const { matchedOf, doubts: _, ...naive } = naiveEvaluate(set, ours, facts)
      expect({ disposition, plan, unmatched }).toEqual(naive)
      expect(trace.map((each) => each.recipients)).toEqual(matchedOf)
      expect(trace.every((each) => each.matched === each.recipients.length > 0)).toBe(true)
      for (const one of whom)
        expect(wants(compiled, one, known)).toEqual(naiveWants(set, ours, one, known))
    }),
    { numRuns: 500 },
  )
})

test('who is refused at RCPT would be refused or bounced at the end of DATA, whatever is found there', () => {
  fc.assert(
    fc.property(
      rules,
      domains,
      recipients,
      session,
      verdicts,
      (some, ours, [one = ''], known, word) => {
        const compiled = compile(named(some), ours)
        const answer = wants(compiled, one, known)
        const facts = { ...known, recipients: [one], size: 1, verdicts: judged(word) }
        const { disposition, plan } = evaluate(compiled, facts)
        if (answer.wanted) return
        if (answer.reason === 'bounce')
          expect(sessionBounce(plan, [one])).toEqual({ reply: answer.bounce, rest: [] })
        else expect(disposition).toBe('reject')
      },
    ),
    { numRuns: 500 },
  )
})

test('what is foreseen before the verdicts is never less than what comes', () => {
  fc.assert(
    fc.property(rules, domains, recipients, session, verdicts, (some, ours, whom, known, word) => {
      const compiled = compile(
        named(some.map((each, at) => ({ ...each, ScanEnabled: at % 2 === 0 }))),
        ours,
      )
      const { acts, scan } = outlook(compiled, { ...known, recipients: whom })
      const facts = { ...known, recipients: whom, size: 1, verdicts: judged(word) }
      const { plan, disposition } = evaluate(compiled, facts)
      if (!acts) expect([plan, disposition === 'defer']).toEqual([[], false])
      if (!scan) expect(plan.filter((each) => each.scan)).toEqual([])
    }),
    { numRuns: 500 },
  )
})

const spam: Condition = {
  VerdictExpression: { Evaluate: { Attribute: 'SPAM' }, Operator: 'EQUALS', Values: ['FAIL'] },
}
const stopTold: RuleAction = { StopAction: { Scope: 'RuleSet', TopicArn: 'arn:t' } }

const outlooks = [
  // why, rules, acts, scan
  ['nothing is there', [], false, false],
  ['a rule that stores', [rule('r')], true, false],
  ['and has mail scanned', [rule('r', { ScanEnabled: true })], true, true],
  ['one that only stops', [rule('r', { Actions: [stop], ScanEnabled: true })], false, false],
  ['or drops', [rule('r', { Actions: [{ DropAction: {} }] })], false, false],
  ['or does nothing', [rule('r', { Actions: [] })], false, false],
  ['a stop with a notice tells the verdicts', [rule('r', { Actions: [stopTold] })], true, false],
  [
    'a drop that depends on a verdict needs it',
    [rule('r', { Actions: [{ DropAction: {} }], ScanEnabled: true, Conditions: [spam] })],
    true,
    true,
  ],
  [
    'nothing gets behind a stop',
    [rule('r', { Actions: [store('r'), stop] }), rule('s', { ScanEnabled: true })],
    true,
    false,
  ],
  [
    'but behind one that a verdict may let it pass',
    [rule('r', { Actions: [stop], Conditions: [spam] }), rule('s', { ScanEnabled: true })],
    true,
    true,
  ],
  ['a rule that needs TLS does nothing without', [tlsRule('r')], false, false],
  ['nor one for others', [rule('r', { Recipients: ['b.test'] })], false, false],
] as const

test.for(outlooks)('before the verdicts: %s', ([, some, acts, scan]) => {
  const compiled = compile(ruleSet(...some), ['example.test'])
  const facts = { recipients: ['a@example.test'], tls: false }
  expect(outlook(compiled, facts)).toEqual({ acts, scan })
})

const refusal = { wanted: false, reason: 'bounce', bounce: Object.values(bounce)[0] }
const toldBounce: RuleAction = {
  BounceAction: { SmtpReplyCode: '550', Message: 'no', Sender: 'a@b.test', TopicArn: 'arn:t' },
}
const bouncing = (some: Partial<Rule> = {}) => rule('b', { Actions: [bounce], ...some })

const bounces = [
  // why, rules, answer
  ['the only thing to do is to bounce', [bouncing()], refusal],
  ['a header field changes nothing', [bouncing({ Actions: [header, bounce] })], refusal],
  ['something is stored, too', [bouncing(), rule('s')], wanted],
  ['something is stored before', [rule('s'), bouncing()], wanted],
  ['but not where it stops', [bouncing({ Actions: [bounce, stop] }), rule('s')], refusal],
  ['somebody is told of it', [bouncing({ Actions: [toldBounce] })], wanted],
  ['a verdict has to decide first', [bouncing({ Conditions: [spam] })], wanted],
  ['a verdict may still keep it', [bouncing(), rule('s', { Conditions: [spam] })], wanted],
  ['the session decides', [bouncing({ Conditions: [text('HELO', 'mx.test')] })], refusal],
  ['the session decides otherwise', [bouncing({ Unless: [text('HELO', 'mx.test')] })], noRule],
  [
    'TLS would not help a rule that is ruled out',
    [tlsRule('t', { Unless: [text('HELO', 'mx.test')] })],
    noRule,
  ],
  [
    'TLS would help a rule that asks for it twice',
    [
      tlsRule('t', {
        Conditions: [
          { BooleanExpression: { Evaluate: { Attribute: 'TLS' }, Operator: 'IS_TRUE' } },
        ],
      }),
    ],
    tlsRequired,
  ],
] as const

test.for(bounces)('a bounce at RCPT: %s', ([, some, answer]) => {
  const compiled = compile(ruleSet(...some), ['example.test'])
  expect(wants(compiled, 'a@example.test', { tls: false, helo: 'mx.test' })).toEqual(answer)
})
