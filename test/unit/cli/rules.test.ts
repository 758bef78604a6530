/** `postern rules`: import what the AWS command line prints, list, compare. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { jsonOf, newHome, type Ran } from './support.ts'

const exported = join(import.meta.dirname, '../../fixtures/rules/valid/exported.json')
const filters = JSON.stringify({
  Filters: [{ Name: 'f', IpFilter: { Policy: 'Block', Cidr: '192.0.2.0/24' } }],
})
const topic = 'arn:aws:sns:eu-west-1:123456789012:mail'
const lambda = 'arn:aws:lambda:eu-west-1:123456789012:function:triage'
const workmail = 'arn:aws:workmail:eu-west-1:123456789012:organization/m-1'

const ruleSet = (Name: string, ...Rules: readonly object[]) =>
  JSON.stringify({ Metadata: { Name }, Rules })
const stores = (Name: string) => ({
  Name,
  Enabled: true,
  Actions: [{ S3Action: { BucketName: 'inbox' } }],
})
const textOf = ({ out }: Ran): string => out.toString()
const messageOf = ({ error }: Ran): string => (error instanceof Error ? error.message : '')

// diff speaks by it.
afterEach(() => {
  process.exitCode = undefined
})

test('what aws ses prints becomes rules/NAME.json and rules/filters.json, as it is', async () => {
  const home = newHome()
  const ran = await home.run('rules', 'import', exported, home.write('ip.json', filters))
  expect(ran.error).toBeUndefined()
  const written = join(home.path, 'rules/prod-inbound.json')
  expect(readFileSync(written, 'utf8').trim()).toBe(readFileSync(exported, 'utf8').trim())
  expect(readFileSync(join(home.path, 'rules/filters.json'), 'utf8')).toBe(`${filters}\n`)
  expect(textOf(ran)).toContain(`${written}: written, 3 rules\n`)
  expect(textOf(ran)).toContain('filters.json: written, 1 IP filters\n')
  expect(textOf(ran)).toContain('# To use it: rules: { active: prod-inbound }')
})

test('the resources that rules name are printed ready to paste; what is mapped is a comment', async () => {
  const home = newHome('resources: { buckets: { mapped: { type: dir } } }\n')
  const all = ruleSet(
    'all',
    stores('one'),
    stores('two'),
    {
      Name: 'three',
      Actions: [{ S3Action: { BucketName: 'mapped', KmsKeyArn: 'arn:aws:kms:x' } }],
    },
    { Name: 'four', Actions: [{ LambdaAction: { FunctionArn: lambda, TopicArn: topic } }] },
    { Name: 'five', Actions: [{ WorkmailAction: { OrganizationArn: workmail } }] },
  )
  const ran = await home.run('rules', 'import', home.write('a.json', all), '--name', 'default')
  const block = textOf(ran).slice(textOf(ran).indexOf('resources:'))
  expect(block).toBe(
    `${[
      'resources:',
      '  buckets:',
      '    # rules one, two; without it: in the default store',
      '    inbox: { type: s3, bucket: inbox, region: eu-west-1 }',
      '    # mapped is mapped already',
      '  keys:',
      '    # rule three; has to be the name of a key under keys:',
      '    arn:aws:kms:x: main',
      '  # topics:',
      '    # rule four; without it: the SNS topic at AWS',
      `    # ${topic}: { type: webhook, url: "https://app.example/hooks", secret: "whsec_…" }`,
      '  # functions:',
      '    # rule four; without it: the Lambda function at AWS',
      `    # ${lambda}: { type: http, url: "https://app.example/function", secret: "whsec_…" }`,
      `# ${workmail} needs AWS and can not be mapped; rule five`,
    ].join('\n')}\n`,
  )
  const file = home.write('pasted.yaml', block)
  const { resources } = loadConfig({ file, env: {}, cwd: home.path })
  expect(resources.buckets['inbox']).toMatchObject({ bucket: 'inbox', region: 'eu-west-1' })
})

const refused = [
  // files of the home, arguments, problem, why
  [
    { 'a.json': '{"RuleSets": []}' },
    ['a.json'],
    /a\.json is none of what describe-receipt-rule-set,.* print\.$/,
    'another command of AWS',
  ],
  [
    { 'a.json': '{"Metadata": {"Name": "a"}, "Rules": [{}]}' },
    ['a.json'],
    /a\.json:1:39: Rules\[0\]\.Name: is missing$/,
    'a broken set',
  ],
  [
    { 'a.json': ruleSet('a', stores('x')), 'rules/a.json': '{}' },
    ['a.json'],
    /rules\/a\.json is there already: --force overwrites it, or give --name NAME\.$/,
    'a set of that name',
  ],
  [
    { 'a.json': ruleSet('a', stores('x')), 'rules/a.yaml': '{}' },
    ['a.json', '--force'],
    /rules\/a\.yaml is there already: remove it, or give --name NAME\.$/,
    'the same in YAML, even by force',
  ],
  [
    { 'a.json': ruleSet('a', stores('x')), 'b.json': ruleSet('b', stores('x')) },
    ['a.json', 'b.json', '--name', 'c'],
    /Two of the files would become .*rules\/c\.json: import them one by one\.$/,
    'one name for two',
  ],
  [
    { 'a.json': ruleSet('filters', stores('x')) },
    ['a.json'],
    /^filters is no name for a rule set here: give --name NAME\.$/,
    'a name that is taken',
  ],
  [{}, ['none.json'], /none\.json cannot be read: ENOENT/, 'no file'],
] as const

test.for(refused)('%j with %j is refused with %s, and nothing written: %s', async (row) => {
  const [files, args, problem] = row
  const home = newHome()
  const before = Object.entries(files).map(([name, text]) => home.write(name, text))
  const paths = args.map((each) => (each.endsWith('.json') ? join(home.path, each) : each))
  const ran = await home.run('rules', 'import', ...paths)
  expect(messageOf(ran)).toMatch(problem)
  for (const name of ['a.json', 'b.json', 'c.json'].map((each) => join(home.path, 'rules', each))) {
    if (before.includes(name)) expect(readFileSync(name, 'utf8')).toBe('{}')
    else expect(existsSync(name)).toBe(false)
  }
})

test('--force overwrites, --dir writes elsewhere', async () => {
  const home = newHome()
  const file = home.write('a.json', ruleSet('a', stores('new')))
  const there = home.write('elsewhere/a.json', '{}')
  const ran = await home.run('rules', 'import', file, '--force', '--dir', join(there, '..'))
  expect(ran.error).toBeUndefined()
  expect(readFileSync(there, 'utf8')).toContain('"new"')
})

test('list shows every set, marks the active one and what is broken', async () => {
  const home = newHome('rules: { active: live }\n')
  home.write('rules/live.json', ruleSet('live', stores('a'), { Name: 'b' }))
  home.write('rules/next.yaml', 'Rules: []\n')
  home.write('rules/filters.json', filters)
  expect(textOf(await home.run('rules', 'list'))).toBe(
    '   NAME  RULES   ENABLED\n*  live  2       1\n   next  broken\npostern check tells what is broken.\n',
  )
  expect(jsonOf(await home.run('rules', 'list', '--json'))).toEqual([
    { name: 'live', active: true, shadow: false, rules: 2, enabled: 1 },
    { name: 'next', active: false, shadow: false, problems: 1 },
  ])
})

test('diff compares names and files, and exits with 1 when they differ', async () => {
  const home = newHome()
  const on = { ...stores('b'), Recipients: ['x.test'] }
  home.write('rules/default.json', ruleSet('a', stores('a'), stores('b'), stores('c')))
  const file = home.write('new.json', ruleSet('z', stores('c'), on, { Name: 'd' }))
  const ran = await home.run('rules', 'diff', 'default', file)
  expect(textOf(ran)).toBe(
    '- a  (was rule 1)\n+ d  (is rule 3)\n> c  moved from 3 to 1\n~ b\n    Recipients: + x.test\n',
  )
  expect(process.exitCode).toBe(1)
  const [diff] = jsonOf(await home.run('rules', 'diff', 'default', file, '--json'))
  expect(diff).toMatchObject({ added: [{ name: 'd', to: 2 }], moved: [{ name: 'c' }] })
})

test('diff of equal sets prints nothing and exits with 0', async () => {
  const home = newHome()
  home.write('rules/one.json', ruleSet('a', stores('a')))
  home.write('rules/two.yaml', ruleSet('b', { ...stores('a'), TlsPolicy: 'Optional' }))
  const ran = await home.run('rules', 'diff', 'one', 'two')
  expect([textOf(ran), process.exitCode]).toEqual(['', undefined])
})
