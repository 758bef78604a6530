/** `postern quarantine release`: held mail through the rules as if none held it, or moved as it is. */
import { quarantined } from '../actions/quarantine.ts'
import { openMailbox } from '../client/index.ts'
import type { Config } from '../config/options.ts'
import { bucketName } from '../config/values.ts'
import { describeError, UserError } from '../errors.ts'
import { withoutQuarantine } from '../replay/again.ts'
import { type Held, heldWith, moveSealed } from '../replay/held.ts'
import { openStored } from '../replay/kept.ts'
import { becomeUser } from '../roles/privileges.ts'
import { bucketOpener } from '../roles/stores.ts'
import { printable, printLine } from './context.ts'
import { hasKeyFile, keysOf } from './mail-place.ts'
import { openSpool } from './open-spool.ts'
import { requireIds } from './queue.ts'
import { type Candidate, rulesNamed, runAll } from './replay-run.ts'

export type ReleaseOptions = {
  rule?: string
  key?: string[]
  ruleSet?: string
  to?: string
  keep?: boolean
  dryRun?: boolean
  json?: boolean
}

export async function release(
  config: Config,
  ids: readonly string[],
  { rule, key = [], ruleSet, keep, dryRun = false, json = false }: ReleaseOptions,
): Promise<void> {
  const { quarantine } = config
  const rules = rulesNamed(config, ruleSet, withoutQuarantine)
  const held = await requireHeld(config, ids, rule)
  const keys = await keysOf(config, key)
  const store = (await bucketOpener(config))(quarantine.bucket)
  const mailbox = openMailbox({ store, keys })
  const candidates = held.map((each): Candidate => {
    const place = quarantined(quarantine, each.rule)
    return {
      name: each.id,
      open: () => openStored(mailbox, each.key, place, 'quarantine'),
      // Durable in the spool by now, so that it is in one of the two at any time.
      replayed: async () => {
        if (!keep) await store.delete(each.key)
      },
    }
  })
  const spool = openSpool(config)
  try {
    const run = { config, spool, rules, dryRun, json, hasKey: hasKeyFile(keys) }
    const { replayed, total } = await runAll(candidates, run)
    const left = total - replayed.length
    if (left === 0) return
    const what = left === 1 ? '1 message is' : `${left} messages are`
    throw new Error(`${what} still held: --to BUCKET/PREFIX moves it as it is`)
  } finally {
    spool.close()
  }
}

/** The held objects of all ids. Throws UserError when one is not held, before anything is done. */
export async function requireHeld(
  config: Config,
  ids: readonly string[],
  rule: string | undefined,
): Promise<Held[]> {
  requireIds(ids)
  const { quarantine } = config
  const found = await heldWith(
    (await bucketOpener(config))(quarantine.bucket),
    quarantine,
    ids,
    rule,
  )
  const missing = ids.find((id) => found.get(id)?.length === 0)
  if (missing === undefined) return [...found.values()].flat()
  const by = rule === undefined ? '' : ` by rule ${printable(rule)}`
  throw new UserError(`${missing} is not held${by}: postern quarantine list shows what is.`)
}

export async function move(
  config: Config,
  ids: readonly string[],
  to: string,
  { rule, keep }: ReleaseOptions,
): Promise<void> {
  const slash = to.indexOf('/')
  const bucket = slash < 0 ? to : to.slice(0, slash)
  const prefix = slash < 0 ? '' : to.slice(slash + 1)
  if (!bucketName.safeParse(bucket).success)
    throw new UserError(`--to: ${printable(bucket)} is no bucket name.`)
  // What root put into a directory store the server could not read.
  becomeUser(config)
  const open = await bucketOpener(config)
  const from = open(config.quarantine.bucket)
  const all = await requireHeld(config, ids, rule)
  let failed = 0
  for (const held of all) {
    try {
      const key = await moveSealed(held, from, open(bucket), prefix)
      if (!keep) await from.delete(held.key)
      printLine(printable(`${held.id}: ${keep ? 'copied' : 'moved'} to ${bucket}/${key}`))
    } catch (error) {
      failed += 1
      printLine(printable(`${held.id}: failed: ${describeError(error)}`))
    }
  }
  if (failed > 0) throw new Error(`${failed} of ${all.length} held messages could not be moved`)
}
