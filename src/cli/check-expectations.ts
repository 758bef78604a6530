/** The tests part of `postern check`: runs the tests of every rule set of a directory and reports, never throws. */
import type { Config } from '../config/options.ts'
import { describeError } from '../errors.ts'
import { compileFilters } from '../filters/ip-filter.ts'
import { readFilters } from '../filters/load.ts'
import { compile } from '../rules/evaluate.ts'
import { runTests, type Tested, testedNames } from '../rules/expectations-load.ts'
import { readRuleSet } from '../rules/load.ts'
import { type ServerOptions, serverOf } from './server-words.ts'

/** A rule set that can't be used, `checkRules` has told about: its tests are not run. */
export async function checkExpectations(
  dir: string,
  config: ServerOptions & Pick<Config, 'domains'>,
): Promise<Tested> {
  try {
    const { domains } = config
    const server = serverOf(config, compileFilters(readFilters(dir).filters))
    const all: Tested[] = []
    for (const name of namesIn(dir)) {
      const { ruleSet, problems } = readRuleSet(dir, name, { domains })
      if (ruleSet !== undefined) {
        all.push(await runTests(dir, name, compile(ruleSet, domains), server))
      } else if (problems.some((each) => each.startsWith('There is no rule set'))) {
        all.push({
          count: 0,
          held: 0,
          problems: [`${dir}/${name}.test.* has no rule set to test: write ${dir}/${name}.yaml.`],
        })
      }
    }
    return {
      count: sum(all.map(({ count }) => count)),
      held: sum(all.map(({ held }) => held)),
      problems: all.flatMap(({ problems }) => problems),
    }
  } catch (error) {
    return { count: 0, held: 0, problems: [describeError(error)] }
  }
}

function namesIn(dir: string): string[] {
  try {
    return testedNames(dir)
  } catch {
    // The directory can't be read, which checkRules has told.
    return []
  }
}

function sum(numbers: readonly number[]): number {
  return numbers.reduce((one, other) => one + other, 0)
}
