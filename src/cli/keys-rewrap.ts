/** `postern keys rewrap`: the options; what they do is loaded when it is asked for (keys-rewrap-run.ts). */
import type { Command } from 'commander'
import { configOf } from './context.ts'
import type { RewrapOptions } from './keys-rewrap-run.ts'
import { legacy, stored } from './mail-options.ts'

export function rewrapCommand(): Command {
  return legacy(
    stored('rewrap', 'Change the key of what a bucket holds from an old one to a new one.'),
  )
    .requiredOption('--from <file>', 'the old secret key')
    .requiredOption('--to <key>', 'the new key: its name in the configuration, or its public half')
    .option(
      '--also <file>',
      "public key of somebody who can open objects, too, and is not in the configuration's keys; may be repeated",
      (file, all: string[] = []) => [...all, file],
    )
    .option('--drop-others', 'seal to the new key alone, whoever else could open an object')
    .option('--dry-run', 'only tell what would be done')
    .option('--json', 'one JSON object a line: key, outcome, reason, text')
    .addHelpText(
      'after',
      `
Run it where the old secret key is, with a configuration that names the buckets, once for each bucket.
Exit code 1 when an object was left as it was; run it again when that is mended.

Examples:
  postern keys rewrap --from old.key --to archive --dry-run
  postern keys rewrap --from old.key --to new.pub --bucket inbox --prefix support/`,
    )
    .action(async (options: RewrapOptions, command: Command) => {
      const { rewrap } = await import('./keys-rewrap-run.ts')
      await rewrap(configOf(command), options)
    })
}
