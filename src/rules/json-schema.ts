/** The JSON schema of rule-set files, by which editors complete and check them. Pure. */
import { z } from 'zod'
import { ruleSetSchema } from './schema.ts'

/** What rules/schema/rule-set.json holds. Draft 7, since that is what editors' YAML plugins read. */
export function ruleSetJsonSchema(): object {
  const schema = z.toJSONSchema(ruleSetSchema, { target: 'draft-7', io: 'input' })
  return { title: 'Postern receipt rule set', ...schema }
}
