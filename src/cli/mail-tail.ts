/**
 * New messages as they arrive. A message is found by a listing that is repeated: a delivery that was
 * retried is stored after younger ones, so there is no key after which to look.
 */
import type { Item } from '../client/index.ts'
import { itemOf } from '../client/metadata.ts'
import type { ReadableStore } from '../store/object-store.ts'

export type ArrivalOptions = {
  readonly prefix: string
  /** Waits until the next look; false ends it. */
  readonly wait: () => Promise<boolean>
  /** A look that failed; the next one finds what it would have found. */
  readonly report: (error: unknown) => void
}

/** Every message stored after the call, once. Throws when the first look fails. */
export async function* arrivals(
  store: ReadableStore,
  { prefix, wait, report }: ArrivalOptions,
): AsyncGenerator<Item> {
  let known = await keysIn(store, prefix)
  while (await wait()) {
    try {
      const there = await keysIn(store, prefix)
      const fresh = there.difference(known)
      // Known when shown, one by one: a failure halfway repeats nothing and leaves nothing out.
      known = there.difference(fresh)
      for (const key of fresh) {
        const info = await store.head(key)
        const item = info && itemOf(info)
        known.add(key)
        if (item !== undefined) yield item
      }
    } catch (error) {
      report(error)
    }
  }
}

async function keysIn(store: ReadableStore, prefix: string): Promise<Set<string>> {
  const keys = new Set<string>()
  for await (const { key } of store.list({ prefix })) keys.add(key)
  return keys
}
