/** `postern replay`: kept messages through the rules again. What is stored or kept stays as it is. */
import { type Command, InvalidArgumentError, Option } from 'commander'
import { UserError } from '../errors.ts'
import { configOf } from './context.ts'
import { stored } from './mail-options.ts'
import { hasKeyFile, keysOf, placeOf } from './mail-place.ts'
import { openSpool } from './open-spool.ts'
import { candidatesOf, type Wanted } from './replay-candidates.ts'
import { type Ran, rulesNamed, runAll } from './replay-run.ts'

type Options = {
  bucket?: string
  prefix?: string
  key?: string[]
  since?: number
  until?: number
  to?: string
  rule?: string
  fromDead?: boolean
  fromQueue?: boolean
  ruleSet?: string
  dryRun?: boolean
  json?: boolean
}

export function replayCommand(): Command {
  return keyed(
    stored(
      'replay',
      'Run stored messages, dead letters or waiting ones through the rules again, under new ids; nothing that is kept is changed.',
    ).argument('[id or key...]', 'messages; without them, all that the options below choose'),
  )
    .option('--since <time>', 'received then or later: 2026-03-01, 2026-03-01T09:00Z', parseTime)
    .option('--until <time>', 'received before then', parseTime)
    .option('--to <address>', 'with this envelope recipient')
    .option('--rule <name>', 'stored, or planned, by this rule')
    .addOption(new Option('--from-dead', 'look among the dead letters only').conflicts('fromQueue'))
    .option('--from-queue', 'look at what waits to be delivered only')
    .option('--rule-set <name>', 'the rules to use (default: those in force)')
    .option('--dry-run', 'only tell what would be done, and what is different')
    .option('--json', 'one JSON object a line')
    .addHelpText(
      'after',
      `
Examples:
  postern replay --rule misfiled --since 2026-03-01 --key main.key --dry-run
  postern replay --rule misfiled --since 2026-03-01 --key main.key
  postern replay --from-dead --to sales@example.test`,
    )
    .action(replay)
}

/** `--key`, as the commands that open mail have it. */
export function keyed(command: Command): Command {
  return command.option(
    '--key <file>',
    'secret key (nacl, rsa or aes), may be repeated (default: dataDir/keys/main.key if it is there)',
    (file, all: string[] = []) => [...all, file],
  )
}

async function replay(names: readonly string[], options: Options, command: Command): Promise<void> {
  const wanted = wantedOf(names, options)
  const config = configOf(command)
  const rules = rulesNamed(config, options.ruleSet)
  const keys = await keysOf(config, options.key ?? [])
  const { dryRun = false, json = false } = options
  const spool = openSpool(config)
  try {
    const sources = { place: () => placeOf(config, options.bucket), spool }
    const hasKey = hasKeyFile(keys)
    const run = { config, spool, rules, dryRun, json, hasKey }
    const ran = await runAll(candidatesOf(wanted, sources, keys), run)
    tell(ran, options)
  } finally {
    spool.close()
  }
}

function wantedOf(names: readonly string[], options: Options): Wanted {
  const { since, until, to, rule, prefix, fromDead, fromQueue } = options
  const filters = [since, until, to, rule, prefix, fromDead, fromQueue]
  if (names.length === 0 && filters.every((each) => each === undefined)) {
    throw new UserError(
      'Name the messages to replay, or choose them with --since, --until, --to, --rule, --prefix, --from-dead or --from-queue.',
    )
  }
  return {
    names,
    prefix: prefix ?? '',
    ...(since === undefined ? {} : { since }),
    ...(until === undefined ? {} : { until }),
    ...(to === undefined ? {} : { to: to.toLowerCase() }),
    ...(rule === undefined ? {} : { rule }),
    ...(fromDead ? { spooled: 'dead' } : fromQueue ? { spooled: 'queue' } : {}),
  }
}

/** What the lines do not say. Throws when a message was not replayed. */
function tell({ replayed, failed, total }: Ran, options: Options): void {
  const say = (text: string): void => void process.stderr.write(`postern: ${text}\n`)
  if (total === 0) say('there is no such message')
  if (options.dryRun && replayed.length > 0) say('nothing was done: without --dry-run it is')
  const has = (from: 'dead' | 'queue'): boolean => !options.dryRun && replayed.includes(from)
  if (has('dead')) say('the dead letters are still there: postern queue delete removes them')
  if (has('queue')) say('what waits in the queue is delivered as planned before, too')
  if (failed > 0) throw new Error(`${failed} of ${total} messages could not be replayed`)
}

/** ISO 8601; without a zone UTC, as all times that Postern prints. */
function parseTime(text: string): number {
  const shape = /^\d{4}-\d\d-\d\d(T\d\d:\d\d(:\d\d(\.\d{1,9})?)?(Z|[+-]\d\d:\d\d)?)?$/.exec(text)
  const zoned = shape?.[1] === undefined || shape[4] !== undefined ? text : `${text}Z`
  const time = shape === null ? Number.NaN : Date.parse(zoned)
  if (Number.isFinite(time)) return time
  throw new InvalidArgumentError('A time as 2026-03-01 or 2026-03-01T09:00:00Z is wanted.')
}
