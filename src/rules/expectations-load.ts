/**
 * Reads the tests of a rule set, NAME.test.yaml, .yml or .json beside it, and runs them. What is wrong
 * with the file and which tests fail, each as `file:line:column: …`. Never throws for what a file holds.
 */
import { readdirSync, readFileSync, realpathSync } from 'node:fs'
import { dirname, isAbsolute, join, parse, relative } from 'node:path'
import { describeError } from '../errors.ts'
import type { CompiledRuleSet } from './evaluate.ts'
import { type Difference, differences, givenOf } from './expectations.ts'
import { expectationsSchema, type Test } from './expectations-schema.ts'
import { forecast, type Server } from './forecast.ts'
import { defaultRuleLimits } from './limits.ts'
import { extensions, readRuleFile } from './rule-file.ts'
import { plainProblems } from './schema-problems.ts'
import { linesFor, readSource, type Source } from './source.ts'

export type Tested = {
  readonly count: number
  readonly held: number
  /** Of the file, or of what did not hold; such a line is followed by the rules that say why. */
  readonly problems: readonly string[]
}

/** The names of the rule sets that have tests, sorted. */
export function testedNames(dir: string): string[] {
  const names = readdirSync(dir)
    .map((each) => parse(each))
    .filter(({ ext, name }) => extensions.includes(ext.slice(1)) && name.endsWith('.test'))
  return [...new Set(names.map(({ name }) => name.slice(0, -'.test'.length)))].sort()
}

/** Runs the tests of the rule set of that name; none when there is no file. */
export async function runTests(
  dir: string,
  name: string,
  compiled: CompiledRuleSet,
  server: Server,
): Promise<Tested> {
  const found = readRuleFile(dir, `${name}.test`, defaultRuleLimits.maxFileBytes)
  if (found === undefined) return { count: 0, held: 0, problems: [] }
  if ('problem' in found) return { count: 0, held: 0, problems: [found.problem] }
  return runText(found.text, found.file, compiled, server)
}

/** `file` is the name in messages; messages are read from its directory. */
async function runText(
  text: string,
  file: string,
  compiled: CompiledRuleSet,
  server: Server,
): Promise<Tested> {
  const format = file.endsWith('.json') ? 'json' : 'yaml'
  const source = readSource(text, format, defaultRuleLimits.maxAliases)
  const found = [
    ...source.problems,
    ...(source.legible ? plainProblems(expectationsSchema, source.data ?? {}) : []),
  ]
  const parsed = source.legible ? expectationsSchema.safeParse(source.data) : undefined
  if (!parsed?.success || found.length > 0) {
    return { count: 0, held: 0, problems: linesFor(file, source, found) }
  }
  const { tests } = parsed.data
  const results: string[][] = []
  for (const [index, test] of tests.entries()) {
    const say = (difference: Difference) => lineFor(file, source, test, index, difference)
    results.push((await failuresOf(test, dirname(file), compiled, server)).map(say))
  }
  const held = results.filter((each) => each.length === 0).length
  return { count: tests.length, held, problems: results.flat() }
}

async function failuresOf(
  test: Test,
  dir: string,
  compiled: CompiledRuleSet,
  server: Server,
): Promise<Difference[]> {
  const { message } = test.given
  const octets = message === undefined ? undefined : readMessage(dir, message)
  if (typeof octets === 'string') {
    return [{ path: ['given', 'message'], text: octets, rules: [] }]
  }
  return differences(test, forecast(compiled, await givenOf(test, octets), server))
}

/** The octets, or why there are none. A test from elsewhere must not read what is not beside it. */
function readMessage(dir: string, name: string): Buffer | string {
  try {
    const inside = isAbsolute(name)
      ? '..'
      : relative(realpathSync(dir), realpathSync(join(dir, name)))
    if (inside === '..' || inside.startsWith('../')) {
      return 'the message must be a file beside the tests or below'
    }
    return readFileSync(join(dir, name))
  } catch (error) {
    return `the message cannot be read: ${describeError(error)}`
  }
}

function lineFor(
  file: string,
  source: Source,
  { name }: Test,
  index: number,
  { path, text, rules }: Difference,
): string {
  const { line, column } = source.locate({ path: ['tests', index, ...path], reason: text })
  const lines = [
    `${file}:${line}:${column}: tests[${index}] ${JSON.stringify(name)}: ${text}`,
    ...rules.slice(0, maxReasons).map((rule) => {
      return `  ${rule.matched ? 'yes' : 'no'} ${rule.name}: ${rule.why}`
    }),
  ]
  // Texts of the file may hold anything; a line must stay one line.
  return lines.map((each) => each.replace(/[\x00-\x1f\x7f-\x9f]+/g, ' ')).join('\n')
}

/** A rule set may have thousands. */
const maxReasons = 8
