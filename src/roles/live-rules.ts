/**
 * The rules in force, kept up to date: when a file of them changes, all are read again and take the place
 * of the old ones at once, or, with anything wrong in them, not at all. Looks every half second: what
 * tells of changes differs by file system, and a look is a few calls.
 */
import { readdirSync, statSync } from 'node:fs'
import { join, parse } from 'node:path'
import type { Config } from '../config/options.ts'
import { describeError } from '../errors.ts'
import { type CompiledFilters, compileFilters } from '../filters/ip-filter.ts'
import { log } from '../log.ts'
import { compile } from '../rules/evaluate.ts'
import type { NamedRules, RuleSets } from '../rules/plan.ts'
import type { RuleSet } from '../rules/rule-set.ts'
import { type ActiveRules, activeRuleSet } from './resources.ts'
import { keepInForce, problemsOf, rulesAtStart } from './rules-in-force.ts'

/** One reading of the rules; a message is judged by one of them from its first command to its last. */
export type RulesInForce = RuleSets & { readonly filters: CompiledFilters }

export type LiveRules = {
  readonly current: () => RulesInForce
  /** What is wrong with the files since they changed last; the rules before them stay in force. */
  readonly trouble: () => string | undefined
  readonly close: () => void
}

const lookEveryMs = 500

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

/** How the rules are, for who only tells of them. */
export type RulesWatch = {
  /** What is wrong with the files, the first of it; every process keeps the rules it had. */
  readonly trouble: () => string | undefined
  /** When they were read last and could be used: milliseconds since 1970; 0 for never. */
  readonly loadedAt: () => number
  readonly close: () => void
}

/** Looks at the same files in the same way, whatever is in them; the log is the other processes'. */
export function watchRules(config: Config): RulesWatch {
  let trouble: string | undefined
  let loadedAt = 0
  const look = (): void => {
    try {
      activeRuleSet(config)
      trouble = undefined
      loadedAt = Date.now()
    } catch (error) {
      trouble = problemsOf(error)[0]
    }
  }
  look()
  const close = onChange(config, look)
  return { trouble: () => trouble, loadedAt: () => loadedAt, close }
}

/** Calls `changed` when the files have changed and settled; answers what ends it. */
function onChange(config: Config, changed: () => void): () => void {
  let seen = signatureOf(config)
  let told = seen
  const look = (): void => {
    const now = signatureOf(config)
    // A file that is being written is left alone until it has been the same twice: half a file may be
    // a whole rule set.
    const settled = now === seen
    seen = now
    if (!settled || now === told) return
    told = now
    changed()
  }
  const timer = setInterval(look, lookEveryMs)
  timer.unref()
  return () => clearInterval(timer)
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

/** Changes whenever a file does that the rules come from. */
function signatureOf({ rules: { dir, active, shadow } }: Config): string {
  const stems = [active, shadow, 'filters']
  try {
    return readdirSync(dir)
      .filter((name) => stems.includes(parse(name).name))
      .map((name) => {
        const { mtimeMs, size, ino } = statSync(join(dir, name))
        return `${name} ${mtimeMs} ${size} ${ino}`
      })
      .join('\n')
  } catch (error) {
    // Gone between the two calls, or the directory with it: a change, which loading will tell of.
    return describeError(error)
  }
}
