/** `postern queue`: what was accepted and is not delivered yet, and what was given up. Reads the disk. */
import { rmSync } from 'node:fs'
import { Command } from 'commander'
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import { isMessageId, messageIdTime } from '../mail/message-id.ts'
import { lock } from '../roles/lock.ts'
import { places } from '../roles/prepare.ts'
import { describeStep } from '../rules/describe.ts'
import { isHeld } from '../spool/progress.ts'
import { hasSpool, type Spool } from '../spool/spool.ts'
import { announceAll } from './announce.ts'
import { configOf, printable, printJson, printLine, printTable } from './context.ts'
import { openSpool } from './open-spool.ts'

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
          'What was given up, with rule, action and reason; nothing of it is ever deleted by Postern.',
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
    .addCommand(
      new Command('delete')
        .description('Delete dead letters for good: nothing of them is kept.')
        .argument('<id...>', 'message ids')
        .addHelpText(
          'after',
          '\nExample:\n  postern queue delete $(postern queue dead --json | jq -r .id)',
        )
        .action((ids: string[], _options: object, command: Command) =>
          remove(configOf(command), ids),
        ),
    )
    .addCommand(
      new Command('recover')
        .description(
          "Put what only the journal of a dead machine's disk still holds into the queue there, before you move it (docs/scale.md). postern serve does so by itself.",
        )
        .argument('<dataDir>', 'the dataDir on that disk; no Postern may run on it')
        .addHelpText('after', '\nExample:\n  postern queue recover /mnt/postern/data')
        .action((dataDir: string, _options: object, command: Command) =>
          recover({ ...configOf(command), dataDir }),
        ),
    )
}

/** One line a message, or a step of it that has failed. */
type Line = {
  readonly id: string
  readonly received: string
  readonly attempts: number
  readonly rule?: string
  readonly action?: string
  readonly target?: string
  readonly reason?: string
  /** When it failed last, and when it is tried again; the latter not of what was given up. */
  readonly failed?: string
  readonly next?: string
}

async function recover(config: Config): Promise<void> {
  requireSpool(config)
  const held = places(config.dataDir).lock
  // As its user, before anything is written.
  const spool = openSpool(config)
  try {
    lock(held)
    try {
      const restored = await spool.recover(() => true)
      printLine(
        restored === 0
          ? 'Nothing is missing: all accepted mail is in the queue.'
          : `${restored} brought back from the journal.`,
      )
    } finally {
      rmSync(held, { force: true })
    }
  } finally {
    spool.close()
  }
}

function requireSpool({ dataDir }: Config): void {
  if (hasSpool(dataDir)) return
  throw new UserError(
    `${dataDir} holds no spool: Postern has not run there yet, or dataDir in postern.yaml names another directory.`,
  )
}

async function show(config: Config, where: 'queue' | 'dead', json: boolean): Promise<void> {
  requireSpool(config)
  const spool = openSpool(config)
  const ids = where === 'dead' ? await spool.deadIds() : (await Array.fromAsync(spool.ids())).sort()
  const lines = (await Promise.all(ids.map((id) => linesOf(spool, id, where)))).flat()
  if (json) for (const line of lines) printJson(line)
  else if (lines.length > 0) {
    printTable(
      ['ID', 'RECEIVED', 'RULE', 'ACTION', 'TARGET', 'ATTEMPTS', 'REASON'],
      lines.map(({ id, received, rule, action, target, attempts, reason }) =>
        [id, received, rule, action, target, String(attempts), reason].map((each) =>
          printable(each ?? ''),
        ),
      ),
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

/** The steps that have failed; one line without a failure where there is none. */
async function linesOf(spool: Spool, id: string, where: 'queue' | 'dead'): Promise<Line[]> {
  const { failures } = await spool.progress(id, where)
  const entry = await spool.read(id, where).catch(() => undefined)
  await entry?.close()
  // Of a replay the id tells when that was.
  const received = entry?.record.time ?? new Date(messageIdTime(id)).toISOString()
  // Of a dead letter only what was given up: the rest was never tried.
  const shown = Object.entries(failures).filter(([, each]) => where === 'queue' || isHeld(each))
  const lines = shown.map(([index, failure]): Line => {
    const { attempts, reason, time, next } = failure
    const step = entry?.record.plan[Number(index)]
    return {
      id,
      received,
      attempts,
      ...(step === undefined ? {} : describeStep(step)),
      reason,
      failed: time,
      ...(next === undefined ? {} : { next: new Date(next).toISOString() }),
    }
  })
  return lines.length > 0 ? lines : [{ id, received, attempts: 0 }]
}

async function remove(config: Config, ids: readonly string[]): Promise<void> {
  requireIds(ids)
  const spool = openSpool(config)
  for (const id of ids) {
    const was = await spool.removeDead(id)
    printLine(was ? `${id}: deleted` : `${id}: is no dead letter`)
  }
  spool.close()
}

export function requireIds(ids: readonly string[]): void {
  for (const id of ids) {
    if (!isMessageId(id)) throw new UserError(`${printable(id)} is not a message id.`)
  }
}

async function retry(config: Config, ids: readonly string[], all: boolean): Promise<void> {
  if (ids.length === 0 && !all) {
    throw new UserError('Name the messages to retry, or give --all; postern queue dead lists them.')
  }
  requireIds(ids)
  const spool = openSpool(config)
  const due: string[] = []
  for (const id of all ? await spool.deadIds() : ids) {
    if (await spool.unbury(id)) {
      printLine(`${id}: brought back`)
      due.push(id)
    } else if ((await spool.size(id)) !== undefined) {
      await spool.hurry(id)
      printLine(`${id}: due now`)
      due.push(id)
    } else printLine(`${id}: is neither a dead letter nor waiting`)
  }
  spool.close()
  await announceAll(config, due)
}
