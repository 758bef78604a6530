/** What is allowed in a rule set and warned about. */
import { expect, test } from 'vitest'
import { parseRuleSet } from '../../../src/rules/load.ts'

const stop = '- StopAction: { Scope: RuleSet }'
const store = '- S3Action: { BucketName: inbox }'

/** Rules `name: recipients: TlsPolicy: action` in few words. */
function warningsOf(rules: readonly string[], domains: readonly string[]): readonly string[] {
  const written = rules.map((rule, index) => {
    const [recipients, tls, action] = rule.split(' | ')
    return `  - Name: r${index}
    Enabled: true
    Recipients: [${recipients}]
    TlsPolicy: ${tls}
    Actions:
      ${action}
`
  })
  const text = `Metadata: { Name: a }\nRules:\n${written.join('')}`
  return parseRuleSet(text, 'a.yaml', { domains }).warnings
}

const never = (rule: string, by: string) =>
  `rule ${rule} can never match: ${by} before it stops everything it would take`

const shadows = [
  // why, rules, configured domains, warning
  [
    'the same address',
    [`a@b.test | Optional | ${stop}`, `A@b.test | Optional | ${store}`],
    [],
    never('r1', 'r0'),
  ],
  [
    'a label of it',
    [`a@b.test | Optional | ${stop}`, `a+x@b.test | Optional | ${store}`],
    [],
    never('r1', 'r0'),
  ],
  [
    'not the other way round',
    [`a+x@b.test | Optional | ${stop}`, `a@b.test | Optional | ${store}`],
    [],
    undefined,
  ],
  [
    'an address of the domain',
    [`b.test | Optional | ${stop}`, `a@b.test | Optional | ${store}`],
    [],
    never('r1', 'r0'),
  ],
  [
    'a domain below',
    [`.b.test | Optional | ${stop}`, `x.b.test, .y.b.test | Optional | ${store}`],
    [],
    never('r1', 'r0'),
  ],
  [
    'not the domain itself',
    [`.b.test | Optional | ${stop}`, `b.test | Optional | ${store}`],
    [],
    undefined,
  ],
  [
    'every pattern must be taken',
    [`b.test | Optional | ${stop}`, `b.test, c.test | Optional | ${store}`],
    [],
    undefined,
  ],
  [
    'two rules may take it together',
    [
      `b.test | Optional | ${stop}`,
      `c.test | Optional | ${stop}`,
      `b.test, c.test | Optional | ${store}`,
    ],
    [],
    never('r2', 'r0, r1'),
  ],
  [
    'without a stop nothing is shadowed',
    [`b.test | Optional | ${store}`, `b.test | Optional | ${store}`],
    [],
    undefined,
  ],
  [
    'a stop over TLS leaves the rest',
    [`b.test | Require | ${stop}`, `b.test | Optional | ${store}`],
    [],
    undefined,
  ],
  [
    'a stop over TLS takes what requires TLS',
    [`b.test | Require | ${stop}`, `b.test | Require | ${store}`],
    [],
    never('r1', 'r0'),
  ],
  [
    'an open rule takes another open one',
    [` | Optional | ${stop}`, ` | Optional | ${store}`],
    [],
    never('r1', 'r0'),
  ],
  [
    'an open rule takes a configured domain',
    [` | Optional | ${stop}`, `a@b.test | Optional | ${store}`],
    ['b.test'],
    never('r1', 'r0'),
  ],
  [
    'and no other',
    [` | Optional | ${stop}`, `a@c.test | Optional | ${store}`],
    ['b.test'],
    undefined,
  ],
  [
    'which domains are configured may be unknown',
    [` | Optional | ${stop}`, `a@b.test | Optional | ${store}`],
    [],
    undefined,
  ],
  [
    'patterns may take all that an open rule takes',
    [`b.test, .b.test | Optional | ${stop}`, ` | Optional | ${store}`],
    ['b.test'],
    never('r1', 'r0'),
  ],
] as const

test.for(shadows)('shadowed by an earlier stop: %s', ([, rules, domains, warning]) => {
  const found = warningsOf(rules, domains).map((each) => each.replace(/^\S+ \S+ /, ''))
  expect(found).toEqual(warning === undefined ? [] : [warning])
})

test('a disabled rule and a rule without actions are mentioned, at their line', () => {
  const text = `
Metadata: { Name: a }
Rules:
  - Name: off
    Actions:
      - S3Action:
          BucketName: inbox
  - Name: idle
    Enabled: true
`
  expect(parseRuleSet(text, 'a.yaml').warnings).toEqual([
    'a.yaml:4:5: Rules[0]: rule off is disabled',
    'a.yaml:8:5: Rules[1]: rule idle has no actions: its mail is accepted and not kept',
  ])
})

test('a disabled rule shadows nothing and is not called shadowed', () => {
  const text = `
Metadata: { Name: a }
Rules:
  - { Name: off, Actions: [StopAction: { Scope: RuleSet }] }
  - { Name: on, Enabled: true, Actions: [StopAction: { Scope: RuleSet }] }
  - { Name: off2, Actions: [StopAction: { Scope: RuleSet }] }
`
  const warnings = parseRuleSet(text, 'a.yaml').warnings
  expect(warnings).toHaveLength(2)
  expect(warnings.join()).not.toMatch('never')
})

test('a rule set without rules refuses everybody', () => {
  expect(parseRuleSet('{Metadata: {Name: a}, Rules: []}', 'a.yaml').warnings).toEqual([
    'a.yaml:1:30: Rules: is empty: every recipient is refused',
  ])
})

const bounce =
  '- BounceAction: { SmtpReplyCode: "550", Message: no such user, Sender: postmaster@b.test }'
const twice = (rule: string, other: string) =>
  `rule ${rule} bounces and does not stop: rule ${other} acts on the same mail as well; if it should not, add behind the bounce: StopAction: { Scope: RuleSet }`

const bounces = [
  // why, rules, configured domains, warning
  [
    'the domain behind it stores',
    [`a@b.test | Optional | ${bounce}`, `b.test | Optional | ${store}`],
    [],
    twice('r0', 'r1'),
  ],
  [
    'a rule for every configured address stores',
    [`a@b.test | Optional | ${bounce}`, ` | Optional | ${store}`],
    ['b.test'],
    twice('r0', 'r1'),
  ],
  [
    'one for other domains does not',
    [`a@b.test | Optional | ${bounce}`, ` | Optional | ${store}`],
    ['c.test'],
    undefined,
  ],
  [
    'a rule in front of it is none of its business',
    [`b.test | Optional | ${store}`, `a@b.test | Optional | ${bounce}`],
    [],
    undefined,
  ],
  [
    'a Stop behind it ends evaluation',
    [`a@b.test | Optional | ${bounce}\n      ${stop}`, `b.test | Optional | ${store}`],
    [],
    undefined,
  ],
  [
    'what surely stops it in between',
    [
      `a@b.test | Optional | ${bounce}`,
      `b.test | Optional | ${stop}`,
      `b.test | Optional | ${store}`,
    ],
    [],
    never('r2', 'r1'),
  ],
  [
    'a rule that only stops does nothing twice',
    [`a@b.test | Optional | ${bounce}`, `b.test | Optional | ${stop}`],
    [],
    undefined,
  ],
] as const

test.for(bounces)('a bounce and what acts behind it: %s', ([, rules, domains, warning]) => {
  const found = warningsOf(rules, domains).map((each) => each.replace(/^\S+ \S+ /, ''))
  expect(found).toEqual(warning === undefined ? [] : [warning])
})

test('a condition over a verdict that is never made is mentioned, unless it asks for that', () => {
  const about = (Values: string) => `
Metadata: { Name: a }
Rules:
  - Name: spam
    Enabled: true
    Conditions: [VerdictExpression: { Evaluate: { Attribute: SPAM }, Operator: EQUALS, Values: [${Values}] }]
    Actions: [DropAction: {}]
`
  expect(parseRuleSet(about('FAIL'), 'a.yaml').warnings).toEqual([
    'a.yaml:6:18: Rules[0].Conditions[0]: looks at SPAM, but the rule has no ScanEnabled: true, so that it can never be decided',
  ])
  expect(parseRuleSet(about('FAIL, DISABLED'), 'a.yaml').warnings).toEqual([])
})
