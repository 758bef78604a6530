/**
 * The active rule set and the IP filters, and whether all that they name is there: told at start and
 * by `postern check`, so that a name nobody mapped does not show first as mail that can't be delivered.
 */
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import type { IpFilter } from '../filters/ip-filter.ts'
import { readFilters } from '../filters/load.ts'
import { readRuleSet } from '../rules/load.ts'
import { kindOf, noticeTopic, type RuleSet } from '../rules/rule-set.ts'
import { scanAsked } from '../rules/warnings.ts'

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

/**
 * One sentence for each topic and function of an enabled rule that `resources` does not map: it is the one
 * at AWS, which may be meant. Pure.
 */
export function resourceNotes({ Metadata, Rules }: RuleSet, { resources }: Config): string[] {
  const { topics, functions } = resources
  const notes = new Map<string, string>()
  for (const { Name, Enabled, Actions } of Rules) {
    for (const action of Enabled ? Actions : []) {
      const where = `rule set ${Metadata.Name}, rule ${Name}: ${kindOf(action)}`
      const topic = 'SNSAction' in action ? action.SNSAction.TopicArn : noticeTopic(action)
      const called = 'LambdaAction' in action ? action.LambdaAction.FunctionArn : undefined
      if (topic !== undefined && !Object.hasOwn(topics, topic) && !notes.has(topic))
        notes.set(
          topic,
          `${where}: ${topic} is the topic at AWS; to tell another, add to postern.yaml: resources: { topics: { "${topic}": { type: webhook, url: "https://…", secret: "whsec_…" } } }`,
        )
      if (called !== undefined && !Object.hasOwn(functions, called) && !notes.has(called))
        notes.set(
          called,
          `${where}: ${called} is the function at AWS; to call another, add to postern.yaml: resources: { functions: { "${called}": { type: http, url: "https://…" } } }`,
        )
    }
  }
  return [...notes.values()]
}

/** One sentence for each condition of an enabled rule that waits for an engine that is off. Pure. */
export function engineWarnings({ Metadata, Rules }: RuleSet, { spam, virus }: Config): string[] {
  return Rules.filter((rule) => rule.Enabled && rule.ScanEnabled).flatMap((rule) =>
    [...(rule.Conditions ?? []), ...(rule.Unless ?? [])].flatMap((condition) => {
      const asked = scanAsked(condition)
      if (asked === undefined) return []
      const [engine, setting] =
        asked === 'VIRUS' ? ['virus.clamd', virus.clamd] : ['spam.rspamd', spam.rspamd]
      if (setting !== 'off') return []
      return [
        `rule set ${Metadata.Name}, rule ${rule.Name}: looks at ${asked}, but ${engine} is off, so that it can never be decided`,
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
    warnings: [...warnings, ...engineWarnings(ruleSet, config)],
    filters: read.filters,
    ...(shadowed?.ruleSet === undefined ? {} : { shadow: shadowed.ruleSet }),
  }
}
