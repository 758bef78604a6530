/** `postern check`: configuration, keys, every rule set with its tests and the IP filters, nothing started, nothing written. */
import { Command } from 'commander'
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import { accountOf } from '../roles/privileges.ts'
import { engineWarnings, resourceNotes, resourceProblems } from '../roles/resources.ts'
import { keyNames, readSealingKey } from '../roles/sealing-keys.ts'
import { readRuleSet } from '../rules/load.ts'
import { checkExpectations } from './check-expectations.ts'
import { checkRules } from './check-rules.ts'
import { configFile, configOf, printLine } from './context.ts'
import { isToBeMade } from './keys-configured.ts'

export function checkCommand(): Command {
  return new Command('check')
    .description(
      'Check the configuration and all rule files, and run the tests of the rules (NAME.test.yaml); each mistake as file:line:column.',
    )
    .addHelpText(
      'after',
      '\nExample:\n  postern check --config postern.yaml && systemctl restart postern',
    )
    .action(async (_options: object, command: Command) => {
      const config = configOf(command)
      accountOf(config)
      const { domains, rules } = config
      const { problems, warnings } = checkRules(rules.dir, { ...rules, domains })
      const { ruleSet } = readActive(config)
      const named =
        ruleSet === undefined
          ? { unmapped: [], idle: [], notes: [] }
          : {
              unmapped: resourceProblems(ruleSet, config),
              idle: engineWarnings(ruleSet, config),
              notes: resourceNotes(ruleSet, config),
            }
      for (const each of [...warnings, ...named.idle])
        process.stderr.write(`postern: warning: ${each}\n`)
      for (const each of named.notes) process.stderr.write(`postern: note: ${each}\n`)
      const { count, held, problems: failed } = await checkExpectations(rules.dir, config)
      const all = [...problems, ...failed, ...named.unmapped, ...unusableKeys(config)]
      if (all.length > 0) {
        const tally = count > held ? [`${held} of ${count} expectations hold`] : []
        throw new UserError([...all, ...tally].join('\n'))
      }
      printLine(
        `${configFile(command) ?? 'The configuration'} and the rules in ${config.rules.dir} are good.`,
      )
      if (count > 0)
        printLine(`${count} ${count === 1 ? 'expectation holds' : 'expectations hold'}`)
    })
}

/** What it names is looked up; another rule set may belong to another configuration. */
function readActive({ rules, domains }: Config): Partial<ReturnType<typeof readRuleSet>> {
  try {
    return readRuleSet(rules.dir, rules.active, { domains })
  } catch (error) {
    // The directory can't be read, which checkRules has told.
    if (error instanceof UserError) return {}
    throw error
  }
}

function unusableKeys(config: Config): string[] {
  return keyNames(config).flatMap((name) => {
    try {
      if (!isToBeMade(config, name)) readSealingKey(config, name)
      return []
    } catch (error) {
      if (error instanceof UserError) return [error.message]
      throw error
    }
  })
}
