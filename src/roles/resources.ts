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

/**
 * One sentence for each KMS key and webhook of an enabled rule that `resources` does not map. Topics and
 * functions that it does not map are those at AWS. Pure.
 */
export function resourceProblems({ Metadata, Rules }: RuleSet, { resources }: Config): string[] {
  return Rules.filter((rule) => rule.Enabled).flatMap((rule) =>
    rule.Actions.flatMap((action) => {
      const where = `rule set ${Metadata.Name}, rule ${rule.Name}`
      const key = 'S3Action' in action ? action.S3Action.KmsKeyArn : undefined
      const endpoint = 'WebhookAction' in action ? action.WebhookAction.Endpoint : undefined
      return [
        ...(key === undefined || Object.hasOwn(resources.keys, key)
          ? []
          : [
              `${where}: S3Action.KmsKeyArn: ${key} is not mapped to a key; add to postern.yaml: resources: { keys: { "${key}": main } }`,
            ]),
        ...(endpoint === undefined || Object.hasOwn(resources.webhooks, endpoint)
          ? []
          : [
              `${where}: WebhookAction.Endpoint: there is no webhook ${endpoint}; add to postern.yaml: resources: { webhooks: { ${endpoint}: { url: "https://…", secret: "whsec_…" } } }`,
            ]),
      ]
    }),
  )
}

export type ActiveRules = {
  readonly ruleSet: RuleSet
  /** rules.shadow. */
  readonly shadow?: RuleSet
  readonly warnings: readonly string[]
  readonly filters: readonly IpFilter[]
}

/** The rules in force, ready to be used with this configuration. Throws `UserError` with all problems. */
export function activeRuleSet(config: Config): ActiveRules {
  const { dir, active, shadow } = config.rules
  const options = { domains: config.domains }
  const { ruleSet, problems, warnings } = readRuleSet(dir, active, options)
  const shadowed = shadow === undefined ? undefined : readRuleSet(dir, shadow, options)
  const read = readFilters(dir)
  const unmapped = ruleSet === undefined ? [] : resourceProblems(ruleSet, config)
  const all = [...problems, ...unmapped, ...(shadowed?.problems ?? []), ...read.problems]
  if (ruleSet === undefined || all.length > 0) throw new UserError(all.join('\n'))
  return {
    ruleSet,
    warnings,
    filters: read.filters,
    ...(shadowed?.ruleSet === undefined ? {} : { shadow: shadowed.ruleSet }),
  }
}
