/** What `postern check` tells of the names in a rule set that is valid, and of engines that are off. */

import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { stringify } from 'yaml'
import { checkRules } from '../../../src/cli/check-rules.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/options.ts'
import { engineWarnings, resourceNotes } from '../../../src/roles/resources.ts'
import { parseRuleSet } from '../../../src/rules/load.ts'
import type { RuleSet } from '../../../src/rules/rule-set.ts'
import { scratch } from '../spool/support.ts'

const topic = 'arn:aws:sns:eu-west-1:123456789012:mail-events'
const called = 'arn:aws:lambda:eu-west-1:123456789012:function:triage'

function configOf(written: Record<string, unknown>): Config {
  const directory = scratch()
  const file = join(directory, 'postern.yaml')
  writeFileSync(file, stringify(written))
  return loadConfig({ file, env: {}, cwd: directory })
}

function ruleSetOf(rule: object): RuleSet {
  const text = JSON.stringify({ Metadata: { Name: 'a' }, Rules: [{ Name: 'r', ...rule }] })
  const { ruleSet, problems } = parseRuleSet(text, 'a.json')
  if (ruleSet === undefined) throw new Error(problems.join('\n'))
  return ruleSet
}

const Actions = [
  { LambdaAction: { FunctionArn: called, TopicArn: topic } },
  { SNSAction: { TopicArn: topic } },
]

test('a topic and a function that nothing maps are noted once, with the line that maps them', () => {
  expect(resourceNotes(ruleSetOf({ Enabled: true, Actions }), configOf({}))).toEqual([
    `rule set a, rule r: LambdaAction: ${topic} is the topic at AWS; to tell another, add to postern.yaml: resources: { topics: { "${topic}": { type: webhook, url: "https://…", secret: "whsec_…" } } }`,
    `rule set a, rule r: LambdaAction: ${called} is the function at AWS; to call another, add to postern.yaml: resources: { functions: { "${called}": { type: http, url: "https://…" } } }`,
  ])
})

test('what is mapped, and what a disabled rule names, is not noted', () => {
  const resources = {
    topics: { [topic]: { type: 'redis', stream: 'mail' } },
    functions: { [called]: { type: 'http', url: 'http://127.0.0.1:9000/triage' } },
  }
  expect(resourceNotes(ruleSetOf({ Enabled: true, Actions }), configOf({ resources }))).toEqual([])
  expect(resourceNotes(ruleSetOf({ Actions }), configOf({}))).toEqual([])
})

const about = (Attribute: string, ...Values: string[]) => ({
  Enabled: true,
  ScanEnabled: true,
  Conditions: [{ VerdictExpression: { Evaluate: { Attribute }, Operator: 'EQUALS', Values } }],
  Actions: [{ DropAction: {} }],
})

const engines = [
  // rule, configuration, what is said, why
  [about('SPAM', 'FAIL'), {}, 'SPAM, but spam.rspamd is off', 'no rspamd is the default'],
  [
    about('SPAM', 'FAIL'),
    { spam: { rspamd: 'http://127.0.0.1:11333' } },
    undefined,
    'rspamd is asked',
  ],
  [about('SPAM', 'FAIL', 'DISABLED'), {}, undefined, 'the rule takes that into account'],
  [
    about('VIRUS', 'FAIL'),
    { virus: { clamd: 'off' } },
    'VIRUS, but virus.clamd is off',
    'switched off',
  ],
  [about('VIRUS', 'FAIL'), {}, undefined, 'clamd is used where there is one'],
  [about('DKIM', 'FAIL'), {}, undefined, 'always made'],
] as const

test.for(engines)('conditions and engines that are off: %#, %j %j', ([rule, written, said]) => {
  const reason = `rule set a, rule r: looks at ${said}, so that it can never be decided`
  const expected = said === undefined ? [] : [reason]
  expect(engineWarnings(ruleSetOf(rule), configOf(written))).toEqual(expected)
})

test('check looks for the shadow rule set, too', () => {
  const dir = scratch()
  writeFileSync(join(dir, 'a.yaml'), '{ Metadata: { Name: a }, Rules: [] }')
  expect(checkRules(dir, { active: 'a' }).problems).toEqual([])
  expect(checkRules(dir, { active: 'a', shadow: 'b' }).problems).toEqual([
    `There is no rule set b in ${dir} (it holds a): write ${join(dir, 'b.yaml')}.`,
  ])
})
