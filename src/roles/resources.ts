/**
 * Whether all that the active rule set names is there: told at start and by `postern check`, so that
 * a name nobody mapped does not show first as mail that can't be delivered.
 */
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import { loadRuleSet } from '../rules/load.ts'
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

/** The active rule set, ready to be used with this configuration. Throws `UserError`. */
export function activeRuleSet(config: Config): ReturnType<typeof loadRuleSet> {
  const loaded = loadRuleSet(config.rules.dir, config.rules.active, { domains: config.domains })
  const problems = resourceProblems(loaded.ruleSet, config)
  if (problems.length > 0) throw new UserError(problems.join('\n'))
  return loaded
}
