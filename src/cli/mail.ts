/** `postern mail`: list, get and follow stored mail, with the secret key that the server never reads. */
import { setTimeout } from 'node:timers/promises'
import { Command } from 'commander'
import { openMailbox } from '../client/index.ts'
import { describeError } from '../errors.ts'
import { configOf, printable, printLine } from './context.ts'
import { remedied } from './mail-errors.ts'
import { emptySentence, findKey } from './mail-find.ts'
import {
  type GetOptions,
  type ListOptions,
  legacy,
  opening,
  parseCount,
  parseSeconds,
  stored,
  type TailOptions,
} from './mail-options.ts'
import { formOf, lineOf, printItem, writeMessage } from './mail-output.ts'
import { hasKeyFile, keysOf, placeOf } from './mail-place.ts'
import { arrivals } from './mail-tail.ts'

export function mailCommand(): Command {
  return new Command('mail')
    .description('Read stored mail: list it, get one message, follow what arrives.')
    .addCommand(
      legacy(stored('list', 'What is stored, oldest first below one prefix.'))
        .option('--after <key>', 'only what comes after this key')
        .option('--limit <n>', 'stop after so many messages', parseCount)
        .option('--json', 'one JSON object a line: id, key, time, size, verdicts')
        .addHelpText('after', '\nExample:\n  postern mail list --prefix support/ --limit 20')
        .action(list),
    )
    .addCommand(
      legacy(
        opening(
          'get',
          'Write a message to standard output: the fields that Postern put before it, then the bytes as received.',
        ),
      )
        .argument('[id or key]', "default: the newest message of Postern's")
        .addHelpText(
          'after',
          '\nExamples:\n  postern mail get\n  postern mail get --key main.key --original > message.eml',
        )
        .action(get),
    )
    .addCommand(
      opening('tail', 'Print each new message as it arrives, until interrupted.')
        .option('--interval <seconds>', 'look so often', parseSeconds, 2)
        .addHelpText('after', '\nExample:\n  postern mail tail --json')
        .action(tail),
    )
}

async function list(options: ListOptions, command: Command): Promise<void> {
  const { prefix = '', after, limit = Number.POSITIVE_INFINITY, json } = options
  const config = configOf(command)
  const place = await placeOf(config, options.bucket)
  const mailbox = openMailbox({ store: place.store, legacy: options.legacy ?? false })
  let shown = 0
  try {
    for await (const item of mailbox.list({ prefix, after: after ?? '' })) {
      if (json) printItem(item)
      else printLine(lineOf(item))
      shown += 1
      if (shown >= limit) return
    }
  } catch (error) {
    throw remedied(error, config, false)
  }
  // Not a failure, and nothing that a program would take for a line.
  if (shown === 0 && !json) process.stderr.write(`postern: ${emptySentence(place, prefix)}\n`)
}

async function get(
  wanted: string | undefined,
  options: GetOptions,
  command: Command,
): Promise<void> {
  const config = configOf(command)
  const place = await placeOf(config, options.bucket)
  const key = await findKey(place, wanted, options.prefix ?? '')
  const keys = await keysOf(config, options.key ?? [])
  const mailbox = openMailbox({ store: place.store, keys, legacy: options.legacy ?? false })
  try {
    await writeMessage(mailbox, key, formOf(options) ?? 'stored')
  } catch (error) {
    throw remedied(error, config, hasKeyFile(keys))
  }
}

async function tail(options: TailOptions, command: Command): Promise<void> {
  const config = configOf(command)
  const place = await placeOf(config, options.bucket)
  const form = formOf(options)
  const { prefix = '' } = options
  const opens = form === 'original' || form === 'receipt'
  const keys = opens ? await keysOf(config, options.key ?? []) : []
  const mailbox = openMailbox({ store: place.store, keys })
  const interrupted = new AbortController()
  process.once('SIGINT', () => interrupted.abort())
  process.once('SIGTERM', () => interrupted.abort())
  const wait = async (): Promise<boolean> => {
    const pause = setTimeout(options.interval * 1000, true, { signal: interrupted.signal })
    return pause.catch(() => false)
  }
  const say = (text: string): void => void process.stderr.write(`postern: ${printable(text)}\n`)
  const report = (error: unknown): void => say(`${describeError(error)}; looking again`)
  say(`looking for new messages in ${place.name} every ${options.interval} s`)
  for await (const item of arrivals(place.store, { prefix, wait, report })) {
    if (form === undefined) printLine(lineOf(item))
    else if (!opens) printItem(item)
    else {
      // One message that does not open must not end it.
      const written = writeMessage(mailbox, item.key, form)
      await written.catch((error) => say(describeError(remedied(error, config, hasKeyFile(keys)))))
    }
  }
}
