/** `postern check`: configuration, keys, every rule set and the IP filters, nothing started, nothing written. */
import { Command } from 'commander'
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import { keyNames, readPublicKey } from '../roles/public-keys.ts'
import { resourceProblems } from '../roles/resources.ts'
import { readRuleSet } from '../rules/load.ts'
import { checkRules } from './check-rules.ts'
import { configFile, configOf, printLine } from './context.ts'
import { isToBeMade } from './keys-configured.ts'

export function checkCommand(): Command {
  return new Command('check')
    .description('Check the configuration and all rule files; each mistake as file:line:column.')
    .addHelpText(
      'after',
      '\nExample:\n  postern check --config postern.yaml && systemctl restart postern',
    )
    .action((_options: object, command: Command) => {
      const config = configOf(command)
      const { problems, warnings } = checkRules(config.rules.dir, {
        domains: config.domains,
        active: config.rules.active,
      })
      for (const each of warnings) process.stderr.write(`postern: warning: ${each}\n`)
      const all = [...problems, ...unmapped(config), ...unusableKeys(config)]
      if (all.length > 0) throw new UserError(all.join('\n'))
      printLine(
        `${configFile(command) ?? 'The configuration'} and the rules in ${config.rules.dir} are good.`,
      )
    })
}

/** Of the active rule set only: another one may belong to another configuration. */
function unmapped(config: Config): string[] {
  const { ruleSet } = readActive(config)
  return ruleSet === undefined ? [] : resourceProblems(ruleSet, config)
}

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
      if (!isToBeMade(config, name)) readPublicKey(config, name)
      return []
    } catch (error) {
      if (error instanceof UserError) return [error.message]
      throw error
    }
  })
}
