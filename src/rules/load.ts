/**
 * Reads a rule set from a directory: `<name>.yaml`, `.yml` or `.json`, all or nothing. Everything
 * that is wrong is reported at once, each as `file:line:column: path: reason`.
 */
import { readdirSync } from 'node:fs'
import { join, parse } from 'node:path'
import { describeError, UserError } from '../errors.ts'
import { crossProblems } from './checks.ts'
import { defaultRuleLimits, type RuleLimits } from './limits.ts'
import { extensions, readRuleFile } from './rule-file.ts'
import type { RuleSet } from './rule-set.ts'
import { namePattern, ruleSetSchema } from './schema.ts'
import { schemaProblems } from './schema-problems.ts'
import { linesFor, type Problem, readSource } from './source.ts'
import { warningsFor } from './warnings.ts'

export type LoadOptions = {
  readonly limits?: RuleLimits
  /** The configured domains, to tell which rules a Stop shadows; without them fewer are found. */
  readonly domains?: readonly string[]
}

export type Reading = {
  /** Absent when there is a problem. */
  readonly ruleSet?: RuleSet
  readonly problems: readonly string[]
  readonly warnings: readonly string[]
}

/** Reads the rule set of that name. Throws UserError with one line per problem. */
export function loadRuleSet(
  dir: string,
  name: string,
  options: LoadOptions = {},
): { readonly ruleSet: RuleSet; readonly warnings: readonly string[] } {
  const { ruleSet, problems, warnings } = readRuleSet(dir, name, options)
  if (ruleSet === undefined) throw new UserError(problems.join('\n'))
  return { ruleSet, warnings }
}

/** The names of the rule sets in a directory, sorted. Throws UserError when it cannot be read. */
export function ruleSetNames(dir: string): string[] {
  try {
    const files = readdirSync(dir, { withFileTypes: true }).filter((each) => !each.isDirectory())
    const names = files
      .map((each) => parse(each.name))
      .filter(({ ext }) => extensions.includes(ext.slice(1)))
    // filters.* holds IP filters, NAME.test.* expectations of a rule set, neither a rule set.
    return [...new Set(names.map((each) => each.name))]
      .filter((name) => name !== 'filters' && !name.endsWith('.test'))
      .sort()
  } catch (error) {
    throw new UserError(`The rules directory ${dir} cannot be read: ${describeError(error)}.`)
  }
}

/** Like `loadRuleSet`, but problems are returned. Throws UserError only for the directory itself. */
export function readRuleSet(dir: string, name: string, options: LoadOptions = {}): Reading {
  const limits = options.limits ?? defaultRuleLimits
  const refused = (problem: string): Reading => ({ problems: [problem], warnings: [] })
  // The name may come from a command line: it must not lead out of the directory.
  if (!namePattern.test(name)) return refused(`"${name}" is not a valid name of a rule set.`)
  if (name === 'filters') return refused('"filters" is the file of IP filters, not a rule set.')
  if (name.endsWith('.test')) return refused(`"${name}" is a file of tests, not a rule set.`)
  const found = readRuleFile(dir, name, limits.maxFileBytes)
  if (found === undefined) return refused(noSuchSet(dir, name))
  if ('problem' in found) return refused(found.problem)
  return parseRuleSet(found.text, found.file, options)
}

/** Parses the text of a rule-set file; `file` is its name in messages, and tells JSON from YAML. */
export function parseRuleSet(text: string, file: string, options: LoadOptions = {}): Reading {
  const limits = options.limits ?? defaultRuleLimits
  const source = readSource(text, file.endsWith('.json') ? 'json' : 'yaml', limits.maxAliases)
  const report = (problems: readonly Problem[]) => linesFor(file, source, problems)
  const parsed = source.legible ? ruleSetSchema.safeParse(source.data) : undefined
  const problems = [
    ...source.problems,
    ...(parsed === undefined || parsed.success ? [] : schemaProblems(source.data)),
    ...(source.legible ? crossProblems(source.data, limits) : []),
  ]
  if (!parsed?.success || problems.length > 0) return { problems: report(problems), warnings: [] }
  const { Metadata, Rules } = parsed.data
  const ruleSet: RuleSet = { Metadata, Rules }
  return { ruleSet, problems: [], warnings: report(warningsFor(ruleSet, options.domains)) }
}

function noSuchSet(dir: string, name: string): string {
  const others = ruleSetNames(dir)
  const there = others.length === 0 ? 'it holds none' : `it holds ${others.join(', ')}`
  return `There is no rule set ${name} in ${dir} (${there}): write ${join(dir, `${name}.yaml`)}.`
}
