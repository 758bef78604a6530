/** The JSON schemas of rule-set files and of their tests, by which editors complete and check them. Pure. */
import { z } from 'zod'
import { expectationsSchema } from './expectations-schema.ts'
import { ruleSetSchema } from './schema.ts'

/** What rules/schema/rule-set.json holds. Draft 7, since that is what editors' YAML plugins read. */
export function ruleSetJsonSchema(): object {
  const schema = z.toJSONSchema(ruleSetSchema, { target: 'draft-7', io: 'input' })
  return { title: 'Postern receipt rule set', ...schema }
}

/** What rules/schema/expectations.json holds. */
export function expectationsJsonSchema(): object {
  const schema = z.toJSONSchema(expectationsSchema, { target: 'draft-7', io: 'input' })
  return { title: 'Postern tests of a rule set', ...schema }
}
