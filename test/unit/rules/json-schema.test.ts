/** The schema that editors read is the one the parser uses. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { actionKinds } from '../../../src/rules/action-kinds.ts'
import { expectationsJsonSchema, ruleSetJsonSchema } from '../../../src/rules/json-schema.ts'

test('rules/schema/rule-set.json is what npm run docs writes', () => {
  const file = join(import.meta.dirname, '../../../rules/schema/rule-set.json')
  expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(ruleSetJsonSchema(), null, 2)}\n`)
})

test('rules/schema/expectations.json is what npm run docs writes', () => {
  const file = join(import.meta.dirname, '../../../rules/schema/expectations.json')
  expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(expectationsJsonSchema(), null, 2)}\n`)
})

test('it names every kind of action', () => {
  const text = JSON.stringify(ruleSetJsonSchema())
  for (const kind of Object.keys(actionKinds)) expect(text).toContain(`"required":["${kind}"]`)
})
