/**
 * The rules that were in force last, kept in dataDir: a process that dies while somebody is writing a rule
 * file takes these and goes on taking mail. Only a start of `serve` itself refuses a broken file.
 */
import { readFileSync, renameSync, rmSync, writeFileSync } from 'node:fs'
import type { Config } from '../config/options.ts'
import { describeError, problemsOf } from '../errors.ts'
import { parseFilters } from '../filters/load.ts'
import { log } from '../log.ts'
import { parseRuleSet } from '../rules/load.ts'
import type { RuleSet } from '../rules/rule-set.ts'
import { places } from './prepare.ts'
import { type ActiveRules, activeRuleSet, resourceProblems } from './resources.ts'

export type RulesAtStart = ActiveRules & {
  /** What is wrong with the files, when these rules are older than they are. */
  readonly problems: readonly string[]
}

/**
 * The rules to begin with. `again`: this process takes the place of one that died, so that files which can
 * not be used leave those before them in force. Throws `UserError` when there are none.
 */
export function rulesAtStart(config: Config, again: boolean): RulesAtStart {
  try {
    const rules = activeRuleSet(config)
    keepInForce(config, rules)
    return { ...rules, problems: [] }
  } catch (error) {
    const kept = again ? lastInForce(config) : undefined
    if (kept === undefined) throw error
    const problems = problemsOf(error)
    log.error(
      { problems, ruleSet: config.rules.active },
      'The rules can not be used; this process was started again with those that were in force before. postern check tells what is wrong',
    )
    return { ...kept, problems }
  }
}

/** Whole or not at all: other processes may read it now. */
export function keepInForce(config: Config, { ruleSet, shadow, filters }: ActiveRules): void {
  const path = places(config.dataDir).rulesInForce
  const part = `${path}.${process.pid}`
  const { active, shadow: shadowName } = config.rules
  const kept: Kept = { active, ruleSet, filters, ...(shadow && { shadowName, shadow }) }
  try {
    writeFileSync(part, JSON.stringify(kept), { mode: 0o600 })
    renameSync(part, path)
  } catch (error) {
    log.warn({ file: path, reason: describeError(error) }, 'The rules in force could not be kept')
    // None are better than those of long ago.
    for (const each of [part, path]) rmSync(each, { force: true })
  }
}

type Kept = {
  readonly active: string
  readonly ruleSet: RuleSet
  readonly filters: ActiveRules['filters']
  readonly shadowName?: string | undefined
  readonly shadow?: RuleSet
}

/** Read as if a person had written it: it may be damaged, or the configuration another by now. */
function lastInForce(config: Config): ActiveRules | undefined {
  const file = places(config.dataDir).rulesInForce
  try {
    const kept = JSON.parse(readFileSync(file, 'utf8')) as Kept
    const { active, shadow: shadowName } = config.rules
    if (kept.active !== active || kept.shadowName !== shadowName) return undefined
    const read = (set: RuleSet) => parseRuleSet(JSON.stringify(set), file)
    const { ruleSet } = read(kept.ruleSet)
    const shadow = kept.shadow && read(kept.shadow).ruleSet
    const { filters, problems } = parseFilters(JSON.stringify({ Filters: kept.filters }), file)
    const usable = problems.length === 0 && (kept.shadow === undefined || shadow !== undefined)
    if (ruleSet === undefined || !usable || resourceProblems(ruleSet, config).length > 0)
      return undefined
    return { ruleSet, filters, warnings: [], ...(shadow && { shadow }) }
  } catch {
    return undefined
  }
}
