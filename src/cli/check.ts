/** `postern check`: configuration and every rule set, nothing started, nothing written. */
import { Command } from 'commander'
import { UserError } from '../errors.ts'
import { checkRules } from './check-rules.ts'
import { configFile, configOf, printLine } from './context.ts'

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
      if (problems.length > 0) throw new UserError(problems.join('\n'))
      printLine(
        `${configFile(command) ?? 'The configuration'} and the rules in ${config.rules.dir} are good.`,
      )
    })
}
