/**
 * The shape of a rule-set file: what `aws ses describe-receipt-rule-set` prints, and our additions. The
 * parser, the JSON schema for editors and the defaults come from here. What concerns several fields
 * at once is in checks.ts. Pure. SES: rule fields (reference §1.1, §1.2)
 */
import { z } from 'zod'
import { actionKinds, failurePolicy } from './action-kinds.ts'
import { conditionSchema } from './condition.ts'
import { patternProblem } from './pattern.ts'
import type { RuleAction, RuleSet } from './rule-set.ts'

/** SES's names of rule sets and rules; also a rule set's file name, so it can leave no directory. */
export const namePattern = /^(?=.{1,64}$)[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?$/

const name = z.string().regex(namePattern, {
  error: 'must be 1 to 64 letters, digits, "_", "-" and ".", with a letter or a digit at both ends',
})

const recipient = z.string().superRefine((pattern, context) => {
  const problem = patternProblem(pattern)
  if (problem === undefined) return
  const message = `${JSON.stringify(pattern.slice(0, 80))} ${problem}`
  context.addIssue({ code: 'custom', message })
})

const action = z.union(
  Object.entries(actionKinds).map(([kind, schema]) =>
    z.strictObject({ [kind]: schema, ...failurePolicy }),
  ),
) as unknown as z.ZodType<RuleAction, RuleAction> // each member has one known key; the rows say which

const rule = z.strictObject({
  Name: name.describe('Unique in the rule set.'),
  Enabled: z.boolean().default(false).describe('A rule without it does nothing, as in SES.'),
  TlsPolicy: z
    .enum(['Optional', 'Require'])
    .default('Optional')
    .describe('Require: the rule does not match mail that came without TLS.'),
  Recipients: z
    .array(recipient)
    .default([])
    .describe(
      'user@example.com (with user+label@), example.com, or .example.com (any subdomain); * stands for any characters of the user. None: every address of the configured domains and their subdomains.',
    ),
  Actions: z.array(action).default([]).describe('Carried out in this order.'),
  ScanEnabled: z
    .boolean()
    .default(false)
    .describe('false: the spam and virus verdicts read DISABLED, as in SES.'),
  Conditions: z
    .array(conditionSchema)
    .exactOptional()
    .describe('Postern: all must hold, in the words of SES Mail Manager.'),
  Unless: z.array(conditionSchema).exactOptional().describe('Postern: none may hold.'),
  OnUndecided: z
    .enum(['SKIP', 'MATCH', 'DEFER'])
    .exactOptional()
    .describe(
      'Postern: when an engine failed and the conditions can not be decided. SKIP (default): the rule does not match, and who is left without a rule is answered 451; MATCH: as if they held; DEFER: 451 for the message.',
    ),
})

export const ruleSetSchema = z.strictObject({
  $schema: z.string().exactOptional().describe('For editors.'),
  Metadata: z.strictObject({
    Name: name.describe('Kept with every message.'),
    CreatedTimestamp: z.string().exactOptional(),
  }),
  Rules: z.array(rule).describe('Evaluated in this order.'),
}) satisfies z.ZodType<RuleSet>
