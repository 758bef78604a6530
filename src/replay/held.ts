/**
 * Mail that QuarantineActions hold: sealed objects under a prefix of their own, by rule. What is listed is
 * their metadata, which nobody authenticates; no key is needed.
 */

import { type QuarantinePlace, quarantined, reasonKey } from '../actions/quarantine.ts'
import { inOrder, LOOKUPS } from '../client/in-order.ts'
import { type Item, itemOf } from '../client/metadata.ts'
import { PermanentError } from '../errors.ts'
import { objectKey } from '../mail/object-key.ts'
import type { ListedObject, ObjectInfo, ObjectStore } from '../store/object-store.ts'

export type Held = Item & { readonly rule: string; readonly reason: string }

/** Undefined for an object that no QuarantineAction wrote. */
export function heldOf(info: ObjectInfo): Held | undefined {
  const item = itemOf(info)
  const reason = info.metadata[reasonKey]
  if (item === undefined || reason === undefined) return undefined
  return { ...item, rule: info.metadata['postern-rule'] ?? '', reason }
}

/** What is held, of one rule or of all, by rule and then oldest first. */
export async function* allHeld(
  store: ObjectStore,
  place: QuarantinePlace,
  rule?: string,
  ids?: ReadonlySet<string>,
): AsyncGenerator<Held> {
  const prefix = rule === undefined ? place.prefix : quarantined(place, rule).ObjectKeyPrefix
  const listed = store.list(prefix === undefined ? {} : { prefix })
  const look = async ({ key }: ListedObject): Promise<ObjectInfo | undefined> => {
    const named = ids === undefined || ids.has(key.slice(key.lastIndexOf('/') + 1))
    return named ? store.head(key) : undefined
  }
  for await (const info of inOrder(listed, look, LOOKUPS)) {
    const held = info && heldOf(info)
    if (held !== undefined) yield held
  }
}

/** The held objects of these messages: two rules may hold one message, for different recipients. */
export async function heldWith(
  store: ObjectStore,
  place: QuarantinePlace,
  ids: readonly string[],
  rule?: string,
): Promise<ReadonlyMap<string, readonly Held[]>> {
  const found = new Map<string, Held[]>(ids.map((id) => [id, []]))
  for await (const held of allHeld(store, place, rule, new Set(ids))) found.get(held.id)?.push(held)
  return found
}

/**
 * Puts a held object, sealed as it is, where an S3Action would have put it. A second run finds the first
 * one's. Throws when another copy of the message is there: it may be for other recipients.
 */
export async function moveSealed(
  { key, id }: Held,
  from: ObjectStore,
  to: ObjectStore,
  prefix: string,
): Promise<string> {
  const object = await from.get(key)
  if (object === undefined) throw new PermanentError('it is not held any more')
  const { size, contentType, metadata } = object.info
  const { [reasonKey]: _, ...rest } = metadata
  const target = objectKey(prefix, id)
  try {
    const options = { length: size, contentType, metadata: rest }
    if ((await to.put(target, object.body, options)) === 'stored') return target
  } finally {
    object.cancel()
  }
  const there = await to.head(target)
  if (there?.size === size && isSame(there.metadata, rest)) return target
  throw new PermanentError(`${target} is another rule's copy of it: name another prefix`)
}

function isSame(one: Readonly<Record<string, string>>, other: typeof one): boolean {
  const names = [...new Set([...Object.keys(one), ...Object.keys(other)])]
  return names.every((name) => one[name] === other[name])
}
