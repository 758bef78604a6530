/** `postern queue`: what was accepted and is not delivered yet, and what was given up. Reads the disk. */
import { once } from 'node:events'
import { Command } from 'commander'
import type { Config } from '../config/options.ts'
import { openQueue } from '../delivery/queue.ts'
import { connectRedis } from '../delivery/redis.ts'
import { describeError, UserError } from '../errors.ts'
import { isMessageId, messageIdTime } from '../mail/message-id.ts'
import { redisPlace } from '../roles/redis-server.ts'
import { Spool } from '../spool/spool.ts'
import { configOf, printable, printJson, printLine, printTable } from './context.ts'

export function queueCommand(): Command {
  return new Command('queue')
    .description('Mail that is accepted and not delivered yet, and dead letters.')
    .addCommand(
      new Command('list')
        .description('What waits to be delivered, oldest first.')
        .option('--json', 'one JSON object a line')
        .addHelpText('after', '\nExample:\n  postern queue list')
        .action((options: { json?: boolean }, command: Command) =>
          show(configOf(command), 'queue', options.json === true),
        ),
    )
    .addCommand(
      new Command('dead')
        .description(
          'What was given up, with the reason; nothing of it is ever deleted by Postern.',
        )
        .option('--json', 'one JSON object a line')
        .addHelpText('after', '\nExample:\n  postern queue dead')
        .action((options: { json?: boolean }, command: Command) =>
          show(configOf(command), 'dead', options.json === true),
        ),
    )
    .addCommand(
      new Command('retry')
        .description('Bring dead letters back, or try waiting messages now.')
        .argument('[id...]', 'message ids')
        .option('--all', 'all dead letters')
        .addHelpText('after', '\nExample:\n  postern queue retry --all')
        .action((ids: string[], options: { all?: boolean }, command: Command) =>
          retry(configOf(command), ids, options.all === true),
        ),
    )
}

type Line = {
  readonly id: string
  readonly received: string
  readonly attempts: number
  readonly action: string
  readonly reason: string
  readonly failed?: string
}

async function show(config: Config, where: 'queue' | 'dead', json: boolean): Promise<void> {
  const spool = new Spool(config.dataDir)
  const ids = where === 'dead' ? await spool.deadIds() : (await Array.fromAsync(spool.ids())).sort()
  const lines = await Promise.all(ids.map((id) => lineOf(spool, id, where)))
  if (json) for (const line of lines) printJson(line)
  else if (lines.length > 0) {
    printTable(
      ['ID', 'RECEIVED', 'ATTEMPTS', 'FAILED AT', 'REASON'],
      lines.map((each) => [
        each.id,
        each.received,
        String(each.attempts),
        printable(each.action),
        printable(each.reason),
      ]),
    )
  }
  const corrupt = await spool.corruptIds()
  if (corrupt.length > 0) {
    process.stderr.write(
      `postern: ${corrupt.length === 1 ? '1 entry' : `${corrupt.length} entries`} could not be read, kept in ${config.dataDir}/spool/corrupt\n`,
    )
  }
  if (!json && lines.length === 0) {
    printLine(
      where === 'dead'
        ? 'There are no dead letters.'
        : 'Nothing waits: all accepted mail is delivered.',
    )
  }
  spool.close()
}

async function lineOf(spool: Spool, id: string, where: 'queue' | 'dead'): Promise<Line> {
  const { attempts, failed } = await spool.progress(id, where)
  return {
    id,
    received: new Date(messageIdTime(id)).toISOString(),
    attempts,
    action: failed?.action ?? '',
    reason: failed?.reason ?? '',
    ...(failed === undefined ? {} : { failed: failed.time }),
  }
}

async function retry(config: Config, ids: readonly string[], all: boolean): Promise<void> {
  if (ids.length === 0 && !all) {
    throw new UserError('Name the messages to retry, or give --all; postern queue dead lists them.')
  }
  for (const id of ids) {
    if (!isMessageId(id)) throw new UserError(`${printable(id)} is not a message id.`)
  }
  const spool = new Spool(config.dataDir)
  const redis = connectRedis(redisPlace(config), 'fails-fast')
  const queue = openQueue(redis, config.node)
  const due: string[] = []
  for (const id of all ? await spool.deadIds() : ids) {
    if (await spool.unbury(id)) {
      printLine(`${id}: brought back`)
      due.push(id)
    } else if ((await spool.size(id)) !== undefined) {
      printLine(`${id}: due now`)
      due.push(id)
    } else printLine(`${id}: is neither a dead letter nor waiting`)
  }
  spool.close()
  try {
    await Promise.race([announce(due), deadline(5000)])
  } catch (error) {
    process.stderr.write(
      `postern: Redis does not answer (${describeError(error)}); they are delivered when it is back\n`,
    )
  } finally {
    redis.disconnect()
  }

  async function announce(all: readonly string[]): Promise<void> {
    if (redis.status !== 'ready') await once(redis, 'ready')
    await queue.add(all)
    for (const id of all) await queue.promote(id)
  }
}

function deadline(milliseconds: number): Promise<never> {
  return new Promise((_resolve, reject) => {
    setTimeout(() => reject(new Error('no answer in time')), milliseconds).unref()
  })
}
