/** The rules part of `postern check`: reads every rule set and the IP filters of a directory and reports, never throws. */
import { describeError } from '../errors.ts'
import { readFilters } from '../filters/load.ts'
import { type LoadOptions, readRuleSet, ruleSetNames } from '../rules/load.ts'

export type RulesReport = {
  /** The rule sets found, sorted. */
  readonly ruleSets: readonly string[]
  /** Each `file:line:column: path: reason`; with any of them the check has failed. */
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** Checks every rule-set file in `dir` (not in `schema/`), that those in use are there, and filters.*. */
export function checkRules(
  dir: string,
  options: LoadOptions & { readonly active?: string; readonly shadow?: string } = {},
): RulesReport {
  try {
    const ruleSets = ruleSetNames(dir)
    // Reading a set that is not there gives the problem to report.
    const used = [options.active, options.shadow].filter((each) => each !== undefined)
    const names = new Set([...ruleSets, ...used])
    const readings = [...names].map((name) => readRuleSet(dir, name, options))
    return {
      ruleSets,
      problems: [...readings, readFilters(dir)].flatMap((reading) => reading.problems),
      warnings: readings.flatMap((reading) => reading.warnings),
    }
  } catch (error) {
    return { ruleSets: [], problems: [describeError(error)], warnings: [] }
  }
}
