/**
 * The command line: `postern`. Each command is one file here; this one only lists them and turns what
 * they throw into a sentence and an exit code: 0 done, 1 failed, 2 wrong usage, 78 something given is
 * wrong, a configuration, rule or key file, an id (BSD's EX_CONFIG).
 */
import { Command, CommanderError } from 'commander'
import { report } from './report.ts'

/** Each is loaded when it is asked for: what they stand on takes seconds to load altogether. */
const commands: Readonly<Record<string, () => Promise<Command>>> = {
  serve: async () => (await import('./serve.ts')).serveCommand(),
  check: async () => (await import('./check.ts')).checkCommand(),
  explain: async () => (await import('./explain-command.ts')).explainCommand(),
  keys: async () => (await import('./keys.ts')).keysCommand(),
  mail: async () => (await import('./mail.ts')).mailCommand(),
  queue: async () => (await import('./queue.ts')).queueCommand(),
  replay: async () => (await import('./replay.ts')).replayCommand(),
  quarantine: async () => (await import('./quarantine.ts')).quarantineCommand(),
  rules: async () => (await import('./rules.ts')).rulesCommand(),
  send: async () => (await import('./send.ts')).sendCommand(),
}

const program = new Command('postern')
  .description('Receives mail for your domains and keeps it sealed in object storage.')
  .option(
    '--config <file>',
    'configuration file (default: $POSTERN_CONFIG, else ./postern.yaml if there is one, else the embedded defaults)',
  )
  .addHelpText(
    'after',
    '\nExit codes: 0 done, 1 failed, 2 wrong usage, 78 something given is wrong: a configuration, rule or key file, an id.',
  )

const asked = firstArgument(process.argv.slice(2))
const known = asked === undefined ? undefined : commands[asked]
for (const load of known === undefined ? Object.values(commands) : [known]) {
  program.addCommand(await load())
}
throwsUsage(program)

process.stdout.on('error', (error: NodeJS.ErrnoException) => {
  // `postern mail list | head` closes the pipe: that is no failure.
  if (error.code === 'EPIPE') process.exit(0)
  throw error
})

try {
  await program.parseAsync()
} catch (error) {
  process.exitCode = exitCodeFor(error)
  // A role that failed to start may hold sockets that would keep the process alive.
  process.exit()
}

/** The first word that is no option and no value of one. */
function firstArgument(words: readonly string[]): string | undefined {
  const [first, ...rest] = words
  if (first === '--config') return firstArgument(rest.slice(1))
  return first?.startsWith('-') ? firstArgument(rest) : first
}

/** commander 15: added commands do not inherit this, and would exit with 1 on their own. */
function throwsUsage(command: Command): void {
  command.exitOverride().showHelpAfterError('(--help shows what there is)')
  for (const each of command.commands) throwsUsage(each)
}

function exitCodeFor(error: unknown): number {
  // Commander has printed what it has to say.
  if (error instanceof CommanderError) return error.exitCode === 0 ? 0 : 2
  return report(error)
}
