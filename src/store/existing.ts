/** What `put` answers when its key is taken: one object per message, never another's in its place. */
import { PermanentError } from '../errors.ts'
import type { ObjectInfo, PutOptions } from './object-store.ts'

/** Says which message an object holds; a repeated `put` finds its own object by it. */
const IDENTITY = 'postern-id'

/**
 * Answers `existed` for an object that a `put` may leave in its place. Throws a `PermanentError`
 * when the new object says whose it is and the one there is not the same.
 */
export function existed(
  key: string,
  there: ObjectInfo | undefined,
  { metadata }: PutOptions,
): 'existed' {
  if (there === undefined)
    throw new Error(`the object at ${key} was removed while it was looked at`)
  const ours = metadata[IDENTITY]
  if (ours === undefined || there.metadata[IDENTITY] === ours) return 'existed'
  throw new PermanentError(
    `the key ${key} is taken by an object that is not message ${ours}: give the rule another prefix`,
  )
}
