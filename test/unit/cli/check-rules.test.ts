/** What `postern check` says of a rules directory. */
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkRules } from '../../../src/cli/check-rules.ts'

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
