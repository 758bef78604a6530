/** Which messages `postern replay` means: named ones, or all that the filters choose. Reads only. */
import { inOrder, LOOKUPS } from '../client/in-order.ts'
import { type Mailbox, openMailbox } from '../client/index.ts'
import { UserError } from '../errors.ts'
import { isMessageId } from '../mail/message-id.ts'
import { type KnownStep, knownStep } from '../replay/compare.ts'
import {
  bestFirst,
  type Copy,
  chosen,
  copiesNamed,
  copyOf,
  type Filter,
  fits,
  mayBeSince,
} from '../replay/copies.ts'
import { type Kept, openSpooled, openStored } from '../replay/kept.ts'
import type { Spool } from '../spool/spool.ts'
import { printable } from './context.ts'
import type { Place } from './mail-place.ts'
import type { Candidate } from './replay-run.ts'

export type Wanted = Filter & {
  /** Ids or keys; none: whatever the filters choose. */
  readonly names: readonly string[]
  readonly prefix: string
  /** An envelope recipient, lower case. */
  readonly to?: string
  /** Looked at alone; else named messages are looked for there, then in the store. */
  readonly spooled?: 'queue' | 'dead'
}

type Sources = { readonly place: () => Promise<Place>; readonly spool: Spool }

/** Throws UserError when a name is nobody's. */
export async function* candidatesOf(
  wanted: Wanted,
  { place, spool }: Sources,
  keys: Parameters<typeof openMailbox>[0]['keys'] & object,
): AsyncGenerator<Candidate> {
  const { names, spooled } = wanted
  if (spooled !== undefined) {
    const there = spooled === 'dead' ? await spool.deadIds() : await queueIds(spool)
    const missing = names.find((each) => !there.includes(each))
    if (missing !== undefined) {
      const where = spooled === 'dead' ? 'is no dead letter' : 'does not wait in the queue'
      throw new UserError(`${printable(missing)} ${where}: postern queue shows what is there.`)
    }
    for (const id of names.length > 0 ? names : there) yield fromSpool(spool, id, spooled, wanted)
    return
  }
  const found: Candidate[] = []
  const elsewhere: string[] = []
  for (const name of new Set(names)) {
    const where = isMessageId(name) ? await placeInSpool(spool, name) : undefined
    if (where === undefined) elsewhere.push(name)
    else found.push(fromSpool(spool, name, where, wanted))
  }
  const stored = names.length > 0 && elsewhere.length === 0 ? undefined : await place()
  if (stored === undefined) return yield* found
  const mailbox = openMailbox({ store: stored.store, keys })
  const groups =
    names.length > 0
      ? await groupsNamed(stored, elsewhere, wanted)
      : chosen(await copiesIn(stored, wanted), wanted)
  yield* found
  for (const group of groups) yield fromStore(mailbox, stored, group, wanted)
}

async function queueIds(spool: Spool): Promise<string[]> {
  return (await Array.fromAsync(spool.ids())).sort()
}

async function placeInSpool(spool: Spool, id: string): Promise<'dead' | 'queue' | undefined> {
  if ((await spool.size(id, 'dead')) !== undefined) return 'dead'
  return (await spool.size(id, 'queue')) === undefined ? undefined : 'queue'
}

/** All names must be somebody's before the first message is replayed. */
async function groupsNamed(
  { store, name }: Place,
  names: readonly string[],
  { prefix }: Wanted,
): Promise<(readonly Copy[])[]> {
  const named = await copiesNamed(store, names, prefix)
  const missing = names.find((each) => named.get(each)?.length === 0)
  if (missing !== undefined) {
    throw new UserError(
      `There is no message ${printable(missing)} in ${name}, and none in the spool: "postern mail list" shows what is there, --bucket names another bucket.`,
    )
  }
  const known = new Set<string>()
  return [...named.values()].map(bestFirst).filter(([first]) => {
    const again = first === undefined || known.has(first.of)
    if (first !== undefined) known.add(first.of)
    return !again
  })
}

async function copiesIn({ store }: Place, { prefix, since }: Wanted): Promise<Copy[]> {
  const from = since ?? Number.NEGATIVE_INFINITY
  const listed = filtered(store.list({ prefix }), ({ key }) => mayBeSince(key, from))
  const copies: Copy[] = []
  for await (const info of inOrder(listed, ({ key }) => store.head(key), LOOKUPS)) {
    const copy = info && copyOf(info)
    if (copy !== undefined) copies.push(copy)
  }
  return copies
}

async function* filtered<T>(
  source: AsyncIterable<T>,
  wanted: (each: T) => boolean,
): AsyncGenerator<T> {
  for await (const each of source) if (wanted(each)) yield each
}

function fromSpool(spool: Spool, id: string, where: 'dead' | 'queue', wanted: Wanted): Candidate {
  return {
    name: id,
    async open() {
      const kept = await openSpooled(spool, id, where)
      if (kept === undefined) throw new Error('it has left the spool meanwhile')
      const rules = new Set(kept.was.map(({ rule }) => rule))
      const { time } = kept.kept
      const ruled = wanted.rule === undefined || rules.has(wanted.rule)
      // Of an entry several rules are known, which `fits` is not made for.
      const inTime = fits({ time, rule: wanted.rule ?? '' }, wanted)
      return inTime && ruled && isFor(kept, wanted) ? kept : closed(kept)
    },
  }
}

function fromStore(
  mailbox: Mailbox,
  { bucket }: Place,
  group: readonly Copy[],
  wanted: Wanted,
): Candidate {
  const [first, ...others] = group
  if (first === undefined) throw new Error('a message has at least one copy')
  const stepOf = ({ prefix }: Copy) => ({ BucketName: bucket, ObjectKeyPrefix: prefix })
  return {
    name: first.id,
    async open() {
      const kept = await openStored(mailbox, first.key, stepOf(first))
      if (!isFor(kept, wanted)) return closed(kept)
      const more = others.map((copy): KnownStep => {
        const action = { S3Action: stepOf(copy) }
        const { recipients: _, ...step } = knownStep({
          rule: copy.rule,
          action,
          recipients: [],
          scan: true,
        })
        return step
      })
      return { ...kept, was: [...kept.was, ...more] }
    },
  }
}

async function closed(kept: Kept): Promise<undefined> {
  await kept.close()
}

function isFor({ kept }: Kept, { to }: Wanted): boolean {
  if (to === undefined) return true
  return kept.envelope.recipients.some((each) => each.toLowerCase() === to)
}
