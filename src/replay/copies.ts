/**
 * Which stored objects hold a message, by the index that their metadata is (nobody authenticates it: what
 * is chosen by it is checked when it is opened). Several rules store a message several times, and a replay
 * once more: it is one message all the same, and replayed once.
 */
import { reasonKey } from '../actions/quarantine.ts'
import { itemOf } from '../client/metadata.ts'
import { isMessageId, messageIdTime } from '../mail/message-id.ts'
import type { ObjectInfo, ReadableStore } from '../store/object-store.ts'

export type Copy = {
  readonly id: string
  readonly key: string
  /** What stands before the id in the key. */
  readonly prefix: string
  /** The id it was received under. */
  readonly of: string
  readonly time: string
  readonly rule: string
  /** Whether the rule's copy has the verdicts of a scan. */
  readonly scanned: boolean
}

export type Filter = {
  /** Milliseconds since 1970: from, and up to but without. */
  readonly since?: number
  readonly until?: number
  readonly rule?: string
}

/** Undefined for what is not Postern's, and for what is held: `postern quarantine` releases that. */
export function copyOf(info: ObjectInfo): Copy | undefined {
  const item = itemOf(info)
  const { key, metadata } = info
  if (item === undefined || reasonKey in metadata) return undefined
  const { id, time, verdicts } = item
  const prefix = key.slice(0, key.lastIndexOf('/') + 1)
  const scanned = verdicts.spam !== 'DISABLED' || verdicts.virus !== 'DISABLED'
  const rule = metadata['postern-rule'] ?? ''
  return { id, key, prefix, of: metadata['postern-replay-of'] ?? id, time, rule, scanned }
}

/** All copies of each message of which one fits, the one to open first; oldest message first. */
export function chosen(copies: readonly Copy[], filter: Filter): readonly (readonly Copy[])[] {
  const byMessage = Map.groupBy(copies, ({ of }) => of)
  return [...byMessage.values()]
    .filter((group) => group.some((copy) => fits(copy, filter)))
    .map(bestFirst)
    .sort((one, other) => (placeInTime(one) < placeInTime(other) ? -1 : 1))
}

function placeInTime([first]: readonly Copy[]): string {
  return `${first?.time} ${first?.of}`
}

/** A scan that was made is not lost by a rule that did not ask for it. */
export function bestFirst(copies: readonly Copy[]): readonly Copy[] {
  return [...copies].sort((one, other) => Number(other.scanned) - Number(one.scanned))
}

export function fits(
  { time, rule }: Pick<Copy, 'time' | 'rule'>,
  { since = Number.NEGATIVE_INFINITY, until = Number.POSITIVE_INFINITY, rule: wanted }: Filter,
): boolean {
  const at = Date.parse(time)
  return at >= since && at < until && (wanted === undefined || wanted === rule)
}

/** Whether a key can be that of a message received since then: no id is older than its message. */
export function mayBeSince(key: string, since: number): boolean {
  const id = key.slice(key.lastIndexOf('/') + 1)
  return !isMessageId(id) || messageIdTime(id) >= since
}

/** The copies that `wanted` names, by key or by id. */
export async function copiesNamed(
  store: ReadableStore,
  wanted: readonly string[],
  prefix: string,
): Promise<ReadonlyMap<string, readonly Copy[]>> {
  const found = new Map<string, Copy[]>(wanted.map((each) => [each, []]))
  const missing = new Set<string>()
  const add = async (name: string, key: string): Promise<void> => {
    const info = await store.head(key)
    const copy = info && copyOf(info)
    if (copy !== undefined) found.get(name)?.push(copy)
  }
  for (const name of wanted) {
    if (isMessageId(name)) missing.add(name)
    else await add(name, name)
  }
  // One listing for all: only it tells under which prefixes an id is.
  if (missing.size === 0) return found
  for await (const { key } of store.list({ prefix })) {
    const id = key.slice(key.lastIndexOf('/') + 1)
    if (missing.has(id)) await add(id, key)
  }
  return found
}
