/** Reading rule-set files: what loads, and what is refused for which reason. */
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { UserError } from '../../../src/errors.ts'
import { defaultRuleLimits } from '../../../src/rules/limits.ts'
import { loadRuleSet, parseRuleSet } from '../../../src/rules/load.ts'

const fixtures = join(import.meta.dirname, '../../fixtures/rules')
const valid = join(fixtures, 'valid')
const broken = readdirSync(fixtures).filter((each) => each !== 'valid')

test.for(broken)('the folder %s is refused with its expected-error', (folder) => {
  const dir = join(fixtures, folder)
  const expected = readFileSync(join(dir, 'expected-error'), 'utf8').trimEnd()
  expect(() => loadRuleSet(dir, 'default')).toThrow(UserError)
  expect(messageOf(() => loadRuleSet(dir, 'default')).replaceAll(`${dir}/`, '')).toBe(
    expected.replace(`in ${folder} `, `in ${dir} `),
  )
})

test('the output of aws ses describe-receipt-rule-set loads as it is', () => {
  const { ruleSet, warnings } = loadRuleSet(valid, 'exported')
  const printed = JSON.parse(readFileSync(join(valid, 'exported.json'), 'utf8'))
  printed.Rules[2].Recipients = []
  expect(ruleSet).toEqual(printed)
  expect(warnings).toEqual([])
})

test('JSON and YAML say the same', () => {
  expect(loadRuleSet(valid, 'same').ruleSet).toEqual(loadRuleSet(valid, 'exported').ruleSet)
})

test('SES: the defaults of a rule are off, Optional and empty', () => {
  const { ruleSet } = parseRuleSet('{Metadata: {Name: a}, Rules: [{Name: b}]}', 'a.yaml')
  expect(ruleSet?.Rules).toEqual([
    {
      Name: 'b',
      Enabled: false,
      TlsPolicy: 'Optional',
      Recipients: [],
      Actions: [],
      ScanEnabled: false,
    },
  ])
})

test('the rule set that comes with Postern loads without a warning', () => {
  const { ruleSet, warnings } = loadRuleSet(join(import.meta.dirname, '../../../rules'), 'default')
  expect(warnings).toEqual([])
  expect(ruleSet.Rules).toMatchObject([
    { Enabled: true, Recipients: [], Actions: [{ S3Action: { BucketName: 'inbox' } }] },
  ])
})

test('.yml is YAML, $schema is for editors, a byte order mark is no text, an alias may be used', () => {
  const text =
    '\uFEFF$schema: ./schema/rule-set.json\r\nMetadata: {Name: a}\r\nRules:\r\n  - {Name: &n one}\r\n'
  const dir = folder({ 'a.yml': text })
  expect(loadRuleSet(dir, 'a').ruleSet.Metadata).toEqual({ Name: 'a' })
  const aliased = parseRuleSet('{Metadata: {Name: &n x}, Rules: [{Name: *n}]}', 'a.yaml')
  expect(aliased.ruleSet?.Rules[0]?.Name).toBe('x')
})

test('JSON may be indented with tabs and escape what it likes', () => {
  const text = '{\n\t"Metadata": { "Name": "\\u0061" },\r\n\t"Rules":\t[]\n}'
  expect(parseRuleSet(text, 'a.json').ruleSet?.Metadata.Name).toBe('a')
})

const rule = (name: number) => ({ Name: `r${name}` })
const small = {
  maxFileBytes: 400,
  maxRules: 2,
  maxActionsPerRule: 1,
  maxRecipientsPerRule: 1,
  maxAliases: 0,
}
const tooLarge = [
  // rules, problem
  [[1, 2, 3].map(rule), 'a.json:1:34: Rules: has 3 rules; the limit is 2'],
  [
    [{ Name: 'r', Recipients: ['a.test', 'b.test'] }],
    'a.json:1:60: Rules[0].Recipients: has 2 recipients; the limit is 1',
  ],
  [
    [
      {
        Name: 'r',
        Actions: [{ S3Action: { BucketName: 'x' } }, { S3Action: { BucketName: 'y' } }],
      },
    ],
    'a.json:1:57: Rules[0].Actions: has 2 actions; the limit is 1',
  ],
] as const

test.for(tooLarge)('limit %#: %j is too much', ([Rules, problem]) => {
  const text = JSON.stringify({ Metadata: { Name: 'a' }, Rules })
  expect(parseRuleSet(text, 'a.json', { limits: small }).problems).toEqual([problem])
})

test("SES's limits are no limits here", () => {
  const Recipients = Array.from({ length: 101 }, (_, index) => `u${index}@example.com`)
  const Actions = Array.from({ length: 11 }, () => ({ S3Action: { BucketName: 'x' } }))
  const Rules = Array.from({ length: 201 }, (_, index) => ({ ...rule(index), Recipients, Actions }))
  const text = JSON.stringify({ Metadata: { Name: 'a' }, Rules })
  expect(parseRuleSet(text, 'a.json').problems).toEqual([])
})

test('a file over the limit is refused before it is parsed', () => {
  const dir = folder({ 'a.yaml': '['.repeat(401) })
  expect(messageOf(() => loadRuleSet(dir, 'a', { limits: small }))).toMatch(
    /a\.yaml has 401 octets; the limit is 400\.$/,
  )
})

test('nesting without end is a problem, not a crash', () => {
  const limits = defaultRuleLimits
  expect(parseRuleSet('['.repeat(100_000), 'a.yaml', { limits }).problems.length).toBeGreaterThan(0)
  const json = `${'['.repeat(5000)}${']'.repeat(5000)}`
  expect(parseRuleSet(json, 'a.json', { limits }).problems.length).toBeGreaterThan(0)
})

test('a key with a line break in it leaves a problem on one line', () => {
  const { problems } = parseRuleSet('{"Metadata":{"Name":"a"},"Rules":[],"x\\ny":1}', 'a.json')
  expect(problems).toHaveLength(1)
  expect(problems[0]).not.toContain('\n')
})

const names = ['../default', 'a/b', '', '.', 'filters', 'a b']
test.for(names)('the name %j leads to no file', (name) => {
  expect(() => loadRuleSet(valid, name)).toThrow(UserError)
})

test('a directory that is not there is named', () => {
  expect(messageOf(() => loadRuleSet('/nonexistent', 'a'))).toMatch('/nonexistent cannot be read')
})

function messageOf(run: () => unknown): string {
  try {
    run()
    return ''
  } catch (error) {
    return error instanceof Error ? error.message : String(error)
  }
}

function folder(files: Readonly<Record<string, string>>): string {
  const dir = mkdtempSync(join(tmpdir(), 'postern-rules-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  for (const [name, text] of Object.entries(files)) writeFileSync(join(dir, name), text)
  return dir
}
