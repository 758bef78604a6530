/** What `postern explain` and `postern check` say of rules. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkRules } from '../../../src/cli/check-rules.ts'
import { explain } from '../../../src/cli/explain.ts'

const rules = join(import.meta.dirname, '../../fixtures/rules/valid')
const about = { rules, ruleSet: 'exported', domains: ['example.com'] }
const to = ['noreply@example.com', 'support+7@example.com', 'x@elsewhere.test']

test('the JSON has exactly the fields that others depend on', () => {
  expect(JSON.parse(explain({ ...about, to, json: true }))).toEqual({
    disposition: 'accept',
    rules: [
      {
        name: 'drop-noreply',
        matched: true,
        recipients: ['noreply@example.com'],
        why: 'matched by pattern noreply@example.com',
      },
      { name: 'support.tagged', matched: false, recipients: [], why: 'requires TLS' },
      {
        name: 'catch-all',
        matched: true,
        recipients: ['support+7@example.com'],
        why: 'matched by a configured domain, as the rule names no recipients, other recipients stopped earlier by rule drop-noreply',
      },
    ],
    plan: [
      {
        rule: 'catch-all',
        action: { S3Action: { BucketName: 'acme-inbox' } },
        recipients: ['support+7@example.com'],
      },
    ],
  })
})

test('the text says what each recipient is told and what would be done', () => {
  expect(explain({ ...about, to: to.slice(1), tls: true })).toBe(
    `Rule set prod-inbound: accept
  support+7@example.com: accepted
  x@elsewhere.test: refused, no rule takes mail for it
Rules
  no   drop-noreply    no recipient matches
  yes  support.tagged  matched by pattern support@example.com (for support+7@example.com)
  yes  catch-all       matched by a configured domain, as the rule names no recipients (for support+7@example.com)
Plan
  1. AddHeaderAction: X-Team: support (rule support.tagged, for support+7@example.com)
  2. S3Action: store in acme-inbox, prefix support/ (rule support.tagged, for support+7@example.com)
  3. S3Action: store in acme-inbox (rule catch-all, for support+7@example.com)`,
  )
})

test('a plan with nothing in it says whether the message is accepted', () => {
  expect(explain({ ...about, to: ['noreply@example.com'] })).toMatch(
    /Plan\n {2}nothing: the message is accepted and not kept$/,
  )
  expect(explain({ ...about, to: ['x@elsewhere.test'] })).toMatch(/Plan\n {2}nothing$/)
  expect(explain({ ...about, to: ['x@a.example.com'], domains: [] })).toMatch(
    'x@a.example.com: refused, every rule that takes mail for it requires TLS',
  )
})

test('check reads every rule set of the directory, not filters and not schema/', () => {
  const dir = mkdtempSync(join(tmpdir(), 'postern-check-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'schema'))
  writeFileSync(join(dir, 'schema/rule-set.json'), '{}')
  writeFileSync(join(dir, 'filters.yaml'), 'Filters: []')
  writeFileSync(join(dir, 'README.md'), 'about')
  writeFileSync(join(dir, 'b.yaml'), 'Metadata: {Name: b}\nRules: [{Name: r}]\n')
  writeFileSync(join(dir, 'a.json'), '{"Metadata": {"Name": "a"}}')
  expect(checkRules(dir, { active: 'c' })).toEqual({
    ruleSets: ['a', 'b'],
    problems: [
      `${dir}/a.json:1:1: Rules: is missing`,
      `There is no rule set c in ${dir} (it holds a, b): write ${dir}/c.yaml.`,
    ],
    warnings: [
      `${dir}/b.yaml:2:9: Rules[0]: rule r is disabled`,
      `${dir}/b.yaml:2:9: Rules[0]: rule r has no actions: its mail is accepted and not kept`,
    ],
  })
})

test('check reports a directory that is not there', () => {
  expect(checkRules('/nonexistent').problems).toHaveLength(1)
})
