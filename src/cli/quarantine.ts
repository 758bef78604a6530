/** `postern quarantine`: what rules hold, and what a person decides about it. */
import { Command, Option } from 'commander'
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import { verdictNames } from '../mail/verdict.ts'
import { allHeld, type Held } from '../replay/held.ts'
import { bucketOpener } from '../roles/stores.ts'
import { configOf, printable, printJson, printLine, printTable } from './context.ts'
import { move, type ReleaseOptions, release, requireHeld } from './quarantine-release.ts'
import { keyed } from './replay.ts'

type ListOptions = { rule?: string; json?: boolean }
export function quarantineCommand(): Command {
  return new Command('quarantine')
    .description('Mail that rules hold (QuarantineAction): list it, let it go, delete it.')
    .addCommand(
      new Command('list')
        .description('What is held, by rule. Needs no key: reads the index, not the messages.')
        .option('--rule <name>', 'only what this rule holds')
        .option('--json', 'one JSON object a line: id, key, time, size, verdicts, rule, reason')
        .addHelpText('after', '\nExample:\n  postern quarantine list --rule spam')
        .action((options: ListOptions, command: Command) => list(configOf(command), options)),
    )
    .addCommand(
      keyed(
        new Command('release')
          .description(
            'Let messages go: through the rules again as if none held them, for those for whom they were held.',
          )
          .argument('<id...>', 'message ids'),
      )
        .option('--rule <name>', 'only what this rule holds')
        .addOption(
          new Option(
            '--to <bucket[/prefix]>',
            'instead move the sealed object there as it is, no key needed',
          ).conflicts(['key', 'ruleSet', 'dryRun', 'json']),
        )
        .option('--rule-set <name>', 'the rules to use (default: those in force)')
        .option('--keep', 'leave it in quarantine, too')
        .option('--dry-run', 'only tell what would be done')
        .option('--json', 'one JSON object a line')
        .addHelpText(
          'after',
          `
Examples:
  postern quarantine release 06cq9l… --key main.key
  postern quarantine release 06cq9l… --to inbox/released/`,
        )
        .action((ids: string[], options: ReleaseOptions, command: Command) => {
          const config = configOf(command)
          return options.to === undefined
            ? release(config, ids, options)
            : move(config, ids, options.to, options)
        }),
    )
    .addCommand(
      new Command('delete')
        .description('Delete held messages for good: nothing of them is kept.')
        .argument('<id...>', 'message ids')
        .option('--rule <name>', 'only what this rule holds')
        .option('--yes', 'really')
        .addHelpText('after', '\nExample:\n  postern quarantine delete 06cq9l… --yes')
        .action((ids: string[], options: { rule?: string; yes?: boolean }, command: Command) =>
          remove(configOf(command), ids, options),
        ),
    )
}

async function list(config: Config, { rule, json }: ListOptions): Promise<void> {
  const { quarantine } = config
  const held = await Array.fromAsync(
    allHeld((await bucketOpener(config))(quarantine.bucket), quarantine, rule),
  )
  if (json) for (const each of held) printJson(each)
  else if (held.length === 0) printLine('Nothing is held.')
  else {
    printTable(
      ['ID', 'RECEIVED', 'RULE', 'SIZE', 'REASON', 'VERDICTS'],
      held.map((each) =>
        [each.id, each.time, each.rule, String(each.size), each.reason, verdictsOf(each)].map(
          printable,
        ),
      ),
    )
  }
}

/** Only what makes somebody think. */
function verdictsOf({ verdicts }: Held): string {
  const words = verdictNames.filter((name) => !['PASS', 'DISABLED'].includes(verdicts[name]))
  return words.map((name) => `${name}=${verdicts[name]}`).join(' ')
}

async function remove(
  config: Config,
  ids: readonly string[],
  { rule, yes }: { rule?: string; yes?: boolean },
): Promise<void> {
  const store = (await bucketOpener(config))(config.quarantine.bucket)
  const all = await requireHeld(config, ids, rule)
  if (!yes) {
    throw new UserError(
      `That deletes ${all.length === 1 ? 'a held message' : `${all.length} held messages`} for good: give --yes if you mean it.`,
    )
  }
  for (const held of all) {
    await store.delete(held.key)
    printLine(printable(`${held.id}: deleted, was held by ${held.rule}`))
  }
}
