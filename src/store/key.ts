/** What may be a key. Pure; runs in browsers. S3: object key naming, 1 to 1,024 octets of UTF-8. */
import { PermanentError } from '../errors.ts'

/** S3's limit: a longer key would be refused by the first store that is S3. */
export const MAX_KEY_OCTETS = 1024

/** Whether an object can have this key. A lone surrogate has no UTF-8: two keys would be one. */
export function isKey(key: string): boolean {
  return key !== '' && key.isWellFormed() && new TextEncoder().encode(key).length <= MAX_KEY_OCTETS
}

/** Throws a `PermanentError` where `isKey` is false: no later attempt can store that. */
export function requireKey(key: string): void {
  if (isKey(key)) return
  throw new PermanentError(
    `${JSON.stringify(key)} cannot be a key: it must be 1 to ${MAX_KEY_OCTETS} octets of UTF-8`,
  )
}
