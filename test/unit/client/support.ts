/** What the tests of src/client share: messages stored as the server stores them, by its own action. */
import { createHash } from 'node:crypto'
import { join } from 'node:path'
import { expect } from 'vitest'
import { storeAction } from '../../../src/actions/store.ts'
import { MailboxError, type MailboxReason, naclKey } from '../../../src/client/index.ts'
import { objectKey } from '../../../src/mail/object-key.ts'
import type { AddedField } from '../../../src/mail/prepend.ts'
import { allDisabled, type Verdicts } from '../../../src/mail/verdict.ts'
import { envelopeSealer, type Sealer } from '../../../src/seal/sealer.ts'
import { dirStore } from '../../../src/store/dir.ts'
import type { ObjectStore } from '../../../src/store/object-store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** Keys that are the same in every run. */
export const key = naclKey(new Uint8Array(32).fill(1))
export const otherKey = naclKey(new Uint8Array(32).fill(2))

export function temporaryStore(): { path: string; store: ObjectStore } {
  const path = join(temporaryDirectory('client'), 'inbox')
  return { path, store: dirStore(path) }
}

/** The n-th message id: they sort by n. */
export function idOf(n: number): string {
  return `0${String(n).padStart(8, '0')}${'0'.repeat(30)}1`
}

export const time = '2026-03-02T09:15:27.123Z'

export const judged: Verdicts = {
  spf: { verdict: 'PASS', engine: 'mailauth@7.1.0' },
  dkim: { verdict: 'GRAY', reason: 'no-signature' },
  dmarc: { verdict: 'FAIL' },
  spam: { verdict: 'PROCESSING_FAILED', reason: 'rspamd-timeout' },
  virus: { verdict: 'DISABLED' },
  dmarcPolicy: 'reject',
}

export type StoreOptions = {
  readonly id?: string
  readonly prefix?: string
  readonly verdicts?: Verdicts
  readonly recipients?: readonly string[]
  readonly added?: readonly AddedField[]
  readonly plaintext?: boolean
  readonly sealer?: Sealer
}

/** Stores a message as an S3Action does and gives its key. */
export async function storeMessage(
  store: ObjectStore,
  message: string | Uint8Array,
  options: StoreOptions = {},
): Promise<string> {
  const { id = idOf(1), prefix, verdicts = allDisabled('test'), added = [] } = options
  const { recipients = ['sales@example.test'], plaintext = false, sealer } = options
  const bytes = typeof message === 'string' ? Buffer.from(message, 'latin1') : message
  const act = storeAction({
    hostname: 'mx.example.test',
    bucket: () => store,
    sealer: () => (plaintext ? 'none' : (sealer ?? envelopeSealer([key.publicKey]))),
  })
  const s3 = { BucketName: 'inbox', ...(prefix === undefined ? {} : { ObjectKeyPrefix: prefix }) }
  const envelope = {
    remoteIp: '192.0.2.1',
    helo: 'client.example.test',
    reversePath: 'jo@example.test',
    recipients,
    protocol: 'ESMTP',
  }
  await act({
    record: {
      id,
      time,
      envelope,
      verdicts,
      ruleSet: 'default',
      size: bytes.length,
      sha256: createHash('sha256').update(bytes).digest('hex'),
    },
    planned: { rule: 'store-everything', action: { S3Action: s3 }, recipients, scan: true },
    added,
    noticeId: 'notice-1',
    message: () => pieces(bytes, 10_000),
  })
  return objectKey(prefix, id)
}

export async function* pieces(bytes: Uint8Array, size: number): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < bytes.length; at += size) yield bytes.subarray(at, at + size)
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  return Buffer.concat(await Array.fromAsync(source))
}

/** The refusal that `doing` must end in. */
export async function refusalOf(doing: Promise<unknown>): Promise<MailboxError> {
  const error: unknown = await doing.then(
    () => 'no error',
    (thrown: unknown) => thrown,
  )
  expect(error).toBeInstanceOf(MailboxError)
  return error as MailboxError
}

export async function expectRefusal(doing: Promise<unknown>, reason: MailboxReason): Promise<void> {
  const error = await refusalOf(doing)
  expect(error.reason).toBe(reason)
  expect(error.message).toMatch(/^[A-Z].*[^.]\.?$/)
}
