/** The options that the mail commands share, and the values they take. */
import { Command, InvalidArgumentError, Option } from 'commander'
import type { FormOptions } from './mail-output.ts'

type Where = { bucket?: string; prefix?: string }
export type ListOptions = Where & { legacy?: boolean } & {
  after?: string
  limit?: number
  json?: boolean
}
export type GetOptions = Where & FormOptions & { key?: string[]; legacy?: boolean }
export type TailOptions = GetOptions & { interval: number }

/** For what is read by its key: ids of SES do not sort by time, so that there is no newest and nothing to follow. */
export function legacy(command: Command): Command {
  return command.option(
    '--legacy',
    'what Amazon SES stored, and the oldest S3 encryption clients, too',
  )
}

/** A command about what a bucket holds. */
export function stored(name: string, description: string): Command {
  return new Command(name)
    .description(description)
    .option(
      '--bucket <name>',
      'bucket, as rules name it (default: inbox, or the only one of the active rule set)',
    )
    .option('--prefix <prefix>', 'only keys that begin so')
}

/** A command that opens messages, too. */
export function opening(name: string, description: string): Command {
  return stored(name, description)
    .option(
      '--key <file>',
      'secret key (nacl, rsa or aes), may be repeated (default: dataDir/keys/main.key if it is there)',
      (file, all: string[] = []) => [...all, file],
    )
    .addOption(
      new Option('--original', 'the bytes as received, and nothing else').conflicts([
        'receipt',
        'json',
      ]),
    )
    .option('--receipt', 'the receipt, as JSON: envelope, recipients, verdicts, rule')
    .option('--json', 'for programs, one JSON object a line')
}

export function parseCount(text: string): number {
  if (/^[1-9]\d{0,8}$/.test(text)) return Number(text)
  throw new InvalidArgumentError('A number of messages from 1 on is wanted.')
}

export function parseSeconds(text: string): number {
  const seconds = Number(text)
  // setTimeout takes a longer time for none at all, and would ask the store without pause.
  if (seconds >= 0.1 && seconds <= 86_400) return seconds
  throw new InvalidArgumentError('Seconds from 0.1 to 86400 are wanted.')
}
