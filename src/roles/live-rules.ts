/**
 * The rules in force, kept up to date: when a file of them changes, all are read again and take the place
 * of the old ones at once, or, with anything wrong in them, not at all.
 */
import type { Config } from '../config/options.ts'
import { problemsOf } from '../errors.ts'
import { type CompiledFilters, compileFilters } from '../filters/ip-filter.ts'
import { log } from '../log.ts'
import { compile } from '../rules/evaluate.ts'
import type { NamedRules, RuleSets } from '../rules/plan.ts'
import type { RuleSet } from '../rules/rule-set.ts'
import { type ActiveRules, activeRuleSet } from './resources.ts'
import { onChange } from './rule-files.ts'
import { keepInForce, rulesAtStart } from './rules-in-force.ts'

/** One reading of the rules; a message is judged by one of them from its first command to its last. */
export type RulesInForce = RuleSets & { readonly filters: CompiledFilters }

export type LiveRules = {
  readonly current: () => RulesInForce
  /** What is wrong with the files since they changed last; the rules before them stay in force. */
  readonly trouble: () => string | undefined
  readonly close: () => void
}

/**
 * Throws `UserError` when the rules can't be used to begin with. `again`: this process takes the place of
 * one that died, and those that were in force will do.
 */
export function openRules(config: Config, again: boolean): LiveRules {
  const first = rulesAtStart(config, again)
  let current = inForce(config, first)
  let trouble = first.problems[0]
  const close = onChange(config, () => {
    try {
      const read = activeRuleSet(config)
      current = inForce(config, read)
      keepInForce(config, read)
      trouble = undefined
      const rules = current.active.compiled.ruleSet.Rules.length
      log.info({ ruleSet: current.active.name, rules }, 'The rules changed and are in force')
    } catch (error) {
      const problems = problemsOf(error)
      trouble = problems[0]
      log.error(
        { problems },
        'The rules changed and can not be used; the ones before stay in force. postern check tells what is wrong',
      )
    }
  })
  return { current: () => current, trouble: () => trouble, close }
}

function inForce(
  config: Config,
  { ruleSet, shadow, warnings, filters }: ActiveRules,
): RulesInForce {
  for (const warning of warnings) log.warn({ ruleSet: config.rules.active }, warning)
  const named = (each: RuleSet): NamedRules => ({
    name: each.Metadata.Name,
    compiled: compile(each, config.domains),
  })
  return {
    active: named(ruleSet),
    ...(shadow === undefined ? {} : { shadow: named(shadow) }),
    filters: compileFilters(filters),
  }
}
