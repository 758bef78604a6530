/** `postern explain`: which rules match, why, and what would happen. Asks no server and changes nothing. */
import { Command } from 'commander'
import { configOf, printLine } from './context.ts'
import { explain } from './explain.ts'

type Options = {
  rules?: string
  ruleSet?: string
  to: string[]
  from?: string
  ip?: string
  message?: string
  tls?: boolean
  json?: boolean
}

export function explainCommand(): Command {
  return new Command('explain')
    .description('Show which rules match some recipients, why, and what would happen.')
    .requiredOption('--to <address...>', 'envelope recipients')
    .option('--rules <dir>', 'directory of rule sets (default: rules.dir)')
    .option('--rule-set <name>', 'name of the rule set (default: rules.active)')
    .option('--tls', 'the message comes over TLS')
    .option('--from <address>', 'envelope sender')
    .option('--ip <address>', "the client's address, which IP filters look at")
    .option('--message <file>', 'the message')
    .option('--json', '{ disposition, rules, plan } for programs; filter with --ip')
    .addHelpText(
      'after',
      '\nExample:\n  postern explain --rules ./rules --to sales@example.test bob@example.test --tls',
    )
    .action((options: Options, command: Command) => {
      const { rules, domains } = configOf(command)
      if (options.from !== undefined || options.message !== undefined) {
        process.stderr.write(
          'postern: no rule of this release looks at sender or content: --from and --message change nothing\n',
        )
      }
      printLine(
        explain({
          rules: options.rules ?? rules.dir,
          ruleSet: options.ruleSet ?? rules.active,
          domains,
          to: options.to,
          tls: options.tls ?? false,
          json: options.json ?? false,
          ...(options.ip === undefined ? {} : { ip: options.ip }),
        }),
      )
    })
}
