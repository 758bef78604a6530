/**
 * The active rule set and the IP filters, and whether all that they name is there: told at start and
 * by `postern check`, so that a name nobody mapped does not show first as mail that can't be delivered.
 */
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import type { IpFilter } from '../filters/ip-filter.ts'
import { readFilters } from '../filters/load.ts'
import { readRuleSet } from '../rules/load.ts'
import type { RuleSet } from '../rules/rule-set.ts'

/** One sentence for each KMS key of an enabled rule that `resources.keys` does not map. Pure. */
export function resourceProblems({ Metadata, Rules }: RuleSet, { resources }: Config): string[] {
  return Rules.filter((rule) => rule.Enabled).flatMap((rule) =>
    rule.Actions.flatMap((action) => {
      const arn = 'S3Action' in action ? action.S3Action.KmsKeyArn : undefined
      if (arn === undefined || Object.hasOwn(resources.keys, arn)) return []
      return [
        `rule set ${Metadata.Name}, rule ${rule.Name}: S3Action.KmsKeyArn: ${arn} is not mapped to a key; add to postern.yaml: resources: { keys: { "${arn}": main } }`,
      ]
    }),
  )
}

export type ActiveRules = {
  readonly ruleSet: RuleSet
  readonly warnings: readonly string[]
  readonly filters: readonly IpFilter[]
}

/** The rules in force, ready to be used with this configuration. Throws `UserError` with all problems. */
export function activeRuleSet(config: Config): ActiveRules {
  const { dir, active } = config.rules
  const { ruleSet, problems, warnings } = readRuleSet(dir, active, { domains: config.domains })
  const read = readFilters(dir)
  const unmapped = ruleSet === undefined ? [] : resourceProblems(ruleSet, config)
  const all = [...problems, ...unmapped, ...read.problems]
  if (ruleSet === undefined || all.length > 0) throw new UserError(all.join('\n'))
  return { ruleSet, warnings, filters: read.filters }
}
