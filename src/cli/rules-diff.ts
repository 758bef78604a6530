/** `postern rules diff`: what differs between two rule sets. Exit code 1 when anything does, as diff's. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { describeError, UserError } from '../errors.ts'
import { diffRuleSets, type FieldDiff, isEqual, type RuleSetDiff } from '../rules/diff.ts'
import { loadRuleSet, parseRuleSet } from '../rules/load.ts'
import type { RuleSet } from '../rules/rule-set.ts'
import { configOf, printable, printJson, printLine } from './context.ts'

export function rulesDiffCommand(): Command {
  return new Command('diff')
    .description('What differs between two rule sets: rules added, removed, moved, changed.')
    .argument('<before>', 'name in rules.dir, file, or - for JSON on standard input')
    .argument('<after>', 'the same')
    .option('--json', '{ added, removed, moved, changed } for programs')
    .addHelpText(
      'after',
      '\nExit codes: 0 equal, 1 different.\n\nExample:\n  postern rules diff default next\n  aws ses describe-active-receipt-rule-set | postern rules diff - default',
    )
    .action((before: string, after: string, options: { json?: boolean }, command: Command) => {
      const { rules } = configOf(command)
      const diff = diffRuleSets(ruleSetAt(before, rules.dir), ruleSetAt(after, rules.dir))
      if (options.json) printJson(diff)
      else for (const line of spellDiff(diff)) printLine(line)
      if (!isEqual(diff)) process.exitCode = 1
    })
}

function ruleSetAt(place: string, dir: string): RuleSet {
  if (place !== '-' && !/\/|\.(json|ya?ml)$/.test(place)) return loadRuleSet(dir, place).ruleSet
  const name = place === '-' ? 'stdin.json' : place
  const { ruleSet, problems } = parseRuleSet(readInput(place), name)
  if (ruleSet === undefined) throw new UserError(problems.map(printable).join('\n'))
  return ruleSet
}

/** The text of a file, or of standard input. Throws `UserError`. */
export function readInput(file: string): string {
  try {
    return readFileSync(file === '-' ? 0 : file, 'utf8')
  } catch (error) {
    throw new UserError(`${printable(file)} cannot be read: ${describeError(error)}.`)
  }
}

/** One line a rule, indented ones for its fields; nothing when the sets are equal. */
export function spellDiff({ added, removed, moved, changed }: RuleSetDiff): string[] {
  return [
    ...removed.map(({ name, from }) => `- ${name}  (was rule ${from + 1})`),
    ...added.map(({ name, to }) => `+ ${name}  (is rule ${to + 1})`),
    ...moved.map(({ name, from, to }) => `> ${name}  moved from ${from + 1} to ${to + 1}`),
    ...changed.flatMap(({ name, fields }) => [
      `~ ${name}`,
      ...fields.flatMap(spellField).map((each) => `    ${each}`),
    ]),
  ].map(printable)
}

function spellField(diff: FieldDiff): string[] {
  if ('added' in diff) {
    return [
      ...diff.removed.map((each) => `${diff.field}: - ${each}`),
      ...diff.added.map((each) => `${diff.field}: + ${each}`),
    ]
  }
  const [before, after] = (['before', 'after'] as const).map((side) =>
    side in diff ? JSON.stringify(diff[side]) : '(none)',
  )
  return [`${diff.field}: ${before} -> ${after}`]
}
