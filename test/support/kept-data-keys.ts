/**
 * Stands for AWS KMS, which cannot run here: makes data keys and gives one back only for the very octets and the
 * encryption context that it was made with.
 */
import { randomBytes } from 'node:crypto'
import { kmsKey, type MailKey } from '../../src/client/index.ts'
import type { NewDataKey } from './ses-bucket.ts'

export type KeptDataKeys = {
  readonly newDataKey: NewDataKey
  /** For a reader. */
  readonly key: MailKey
  /** Every context it was asked with. */
  readonly asked: Readonly<Record<string, string>>[]
}

export function keptDataKeys(): KeptDataKeys {
  const kept = new Map<string, Uint8Array>()
  const asked: Readonly<Record<string, string>>[] = []
  const nameOf = (encrypted: Uint8Array, context: Readonly<Record<string, string>>): string =>
    JSON.stringify([Buffer.from(encrypted).toString('base64'), Object.entries(context).sort()])
  return {
    asked,
    async newDataKey(context) {
      const [plaintext, encrypted] = [randomBytes(32), randomBytes(184)]
      kept.set(nameOf(encrypted, context), plaintext)
      return { plaintext, encrypted }
    },
    key: kmsKey(async (encrypted, context) => {
      asked.push({ ...context })
      const plaintext = kept.get(nameOf(encrypted, context))
      if (plaintext !== undefined) return plaintext
      throw Object.assign(new Error('refused'), { name: 'InvalidCiphertextException' })
    }),
  }
}
