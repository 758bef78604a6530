/** From what a person types to a key of the store. */
import { itemOf } from '../client/metadata.ts'
import { UserError } from '../errors.ts'
import { isMessageId } from '../mail/message-id.ts'
import { printable } from './context.ts'
import type { Place } from './mail-place.ts'

/** The key of that key or id; without one, the newest message below the prefix. Throws UserError. */
export async function findKey(
  place: Place,
  wanted: string | undefined,
  prefix: string,
): Promise<string> {
  if (wanted === undefined) return newest(place, prefix)
  for (const key of [wanted, `${prefix}${wanted}`]) {
    if ((await place.store.head(key)) !== undefined) return key
  }
  const keys = isMessageId(wanted) ? await keysOfId(place, wanted, prefix) : []
  const [key, ...others] = keys
  if (key === undefined) {
    throw new UserError(
      `There is no message ${printable(wanted)} in ${place.name}: ${listCommand(place)} shows what is there.`,
    )
  }
  if (others.length === 0) return key
  const choices = keys.map((each) => `  ${printable(each)}`).join('\n')
  throw new UserError(`Several objects hold message ${wanted}, name one by its key:\n${choices}`)
}

/** One id may be under several prefixes: one object per S3 action. */
async function keysOfId({ store }: Place, id: string, prefix: string): Promise<string[]> {
  const keys: string[] = []
  for await (const { key } of store.list({ prefix })) {
    if (key === id || key.endsWith(`/${id}`)) keys.push(key)
  }
  return keys
}

/** Ids sort by time, so that the keys tell; metadata is asked for only where another wrote ids, too. */
async function newest(place: Place, prefix: string): Promise<string> {
  const candidates: { readonly id: string; readonly key: string }[] = []
  for await (const { key } of place.store.list({ prefix })) {
    const id = key.slice(key.lastIndexOf('/') + 1)
    if (isMessageId(id)) candidates.push({ id, key })
  }
  candidates.sort((a, b) => (a.id < b.id ? 1 : -1))
  for (const { key } of candidates) {
    const info = await place.store.head(key)
    if (info !== undefined && itemOf(info) !== undefined) return key
  }
  throw new UserError(emptySentence(place, prefix))
}

/** What is true of a bucket without a message, and what to do. */
export function emptySentence(place: Place, prefix: string): string {
  const below = prefix === '' ? '' : ` below ${printable(prefix)}`
  return `There are no messages${below} in ${place.name}: "postern send --to ADDRESS" sends one, --bucket names another bucket.`
}

function listCommand({ bucket }: Place): string {
  return `"postern mail list --bucket ${printable(bucket)}"`
}
