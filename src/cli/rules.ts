/** `postern rules`: the rule sets there are, what differs between two, and rule sets brought over from SES. */
import { Command } from 'commander'
import { UserError } from '../errors.ts'
import { readRuleSet, ruleSetNames } from '../rules/load.ts'
import { configOf, printable, printJson, printLine, printTable } from './context.ts'
import { rulesDiffCommand } from './rules-diff.ts'
import { rulesImportCommand } from './rules-import.ts'

export function rulesCommand(): Command {
  return new Command('rules')
    .description('List, compare and import receipt rule sets.')
    .addCommand(listCommand())
    .addCommand(rulesDiffCommand())
    .addCommand(rulesImportCommand())
}

function listCommand(): Command {
  return new Command('list')
    .description('The rule sets in rules.dir, the active one marked with *.')
    .option('--json', 'one JSON object a line')
    .addHelpText('after', '\nExample:\n  postern rules list')
    .action((options: { json?: boolean }, command: Command) => {
      const { rules } = configOf(command)
      const lines = ruleSetNames(rules.dir).map((name) => {
        const { ruleSet, problems } = readRuleSet(rules.dir, name)
        return {
          name,
          active: name === rules.active,
          shadow: name === rules.shadow,
          ...(ruleSet === undefined
            ? { problems: problems.length }
            : {
                rules: ruleSet.Rules.length,
                enabled: ruleSet.Rules.filter(({ Enabled }) => Enabled).length,
              }),
        }
      })
      if (options.json) {
        for (const line of lines) printJson(line)
        return
      }
      if (lines.length === 0) throw new UserError(`There is no rule set in ${rules.dir}.`)
      printTable(
        ['', 'NAME', 'RULES', 'ENABLED'],
        lines.map(({ name, active, shadow, ...rest }) => [
          active ? '*' : shadow ? 's' : '',
          printable(name),
          ...('rules' in rest ? [String(rest.rules), String(rest.enabled)] : ['broken', '']),
        ]),
      )
      if (lines.some((line) => 'problems' in line)) printLine('postern check tells what is broken.')
    })
}
