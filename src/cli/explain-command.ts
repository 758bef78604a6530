/** `postern explain`: what would be answered and done, by which rules and why. Asks no server and changes nothing. */
import { Command } from 'commander'
import { configOf, printLine } from './context.ts'
import { explain } from './explain.ts'
import { type GivenOptions, givenBy } from './explain-given.ts'

type Options = GivenOptions & {
  readonly rules?: string
  readonly ruleSet?: string
  readonly json?: boolean
}

export function explainCommand(): Command {
  return new Command('explain')
    .description('Show which rules match a message, why, and what would be answered and done.')
    .argument('[id]', 'a message in the spool or the dead letters: its envelope, verdicts, octets')
    .option('--to <address...>', 'envelope recipients')
    .option('--from <address>', 'envelope sender; <> for none')
    .option('--helo <name>', 'what the client calls itself')
    .option('--ip <address>', "the client's address, which IP filters look at")
    .option('--tls', 'the message comes over TLS')
    .option('--no-tls', 'it does not')
    .option('--message <file>', 'the message, octets as they are; - for standard input')
    .option(
      '--verdict <name=value...>',
      'spf, dkim, dmarc, spam, virus: PASS, FAIL, GRAY, PROCESSING_FAILED, DISABLED; dmarc-policy=none, quarantine, reject; spam-score=N',
    )
    .option('--rules <dir>', 'directory of rule sets (default: rules.dir)')
    .option('--rule-set <name>', 'name of the rule set (default: rules.active)')
    .option('--json', '{ disposition, reply, rcpt, rules, plan, … } for programs')
    .addHelpText(
      'after',
      `
Verdicts are not made here: no name server and no scanner is asked.

Examples:
  postern explain --rules ./rules --to sales@example.test bob@example.test --tls
  postern explain --to sales@example.test --message spam.eml --verdict spam=FAIL dmarc=PASS`,
    )
    .action(async (id: string | undefined, options: Options, command: Command) => {
      if (id === undefined && options.to === undefined) {
        command.error('error: give recipients with --to, or the id of a message')
      }
      const config = configOf(command)
      printLine(
        explain({
          rules: options.rules ?? config.rules.dir,
          ruleSet: options.ruleSet ?? config.rules.active,
          config,
          given: await givenBy(options, id, config.dataDir),
          json: options.json ?? false,
        }),
      )
    })
}
