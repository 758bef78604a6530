/**
 * `postern keys`: makes key pairs, lists the public keys that the server seals to, changes the key of what
 * is stored. Never overwrites a file; listing reads no secret key.
 */
import { Command } from 'commander'
import { configOf, printable, printJson, printLine, printTable } from './context.ts'
import { configuredKeys } from './keys-configured.ts'
import { makeKeyFiles } from './keys-new.ts'
import { rewrapCommand } from './keys-rewrap.ts'

export function keysCommand(): Command {
  return new Command('keys')
    .description(
      'Make key pairs; list the keys that mail is sealed to; change the key of stored mail.',
    )
    .addCommand(
      new Command('new')
        .description('Make a key pair: NAME.key, which opens mail, and NAME.pub, which seals it.')
        .argument('<name>', 'name of the key: a-z, 0-9 and -')
        .option('--type <type>', "nacl, or rsa for Amazon's S3 encryption clients", 'nacl')
        .option('--dir <dir>', 'where the two files go', '.')
        .addHelpText(
          'after',
          '\nRun it on the machine that reads the mail.\n\nExamples:\n  postern keys new archive --dir ~/keys\n  postern keys new ops --type rsa',
        )
        .action((name: string, options: { type: string; dir: string }) => {
          for (const line of makeKeyFiles(name, options)) printLine(line)
        }),
    )
    .addCommand(
      new Command('list')
        .description(
          'The keys of the configuration, by name; the default seals where a rule names none.',
        )
        .option('--json', 'one JSON object a line: name, type, id, source, default')
        .addHelpText('after', '\nExample:\n  postern keys list')
        .action((options: { json?: boolean }, command: Command) => {
          const keys = configuredKeys(configOf(command))
          if (options.json === true) {
            for (const key of keys) printJson(key)
            return
          }
          const rows = keys.map(({ name, type, id, source, default: isDefault }) => [
            name,
            type,
            id ?? (type === 'aes' ? '(secret)' : '(not made yet)'),
            isDefault ? 'yes' : '',
            printable(source),
          ])
          if (rows.length > 0) printTable(['NAME', 'TYPE', 'KEY ID', 'DEFAULT', 'FROM'], rows)
          else printLine('No keys are configured: mail is stored in plaintext.')
        }),
    )
    .addCommand(rewrapCommand())
}
