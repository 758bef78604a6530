/**
 * Changes the key of one object: an envelope is opened, checked to its end and sealed anew, for its
 * payload key is bound to its header; of an S3 Encryption Client's object the data key alone is wrapped
 * anew where the new key is of the same format. The store replaces an object whole and only if it is
 * still the one that was read, so it can be opened by one of the two keys at every moment, and what
 * fails its check stays as it is. Never deletes.
 */
import { envelopeKeyIds, openContent } from '../client/content.ts'
import { MailboxError } from '../client/errors.ts'
import { explainS3ec } from '../client/explain-s3ec.ts'
import { inOrder } from '../client/in-order.ts'
import { type Lookahead, lookahead } from '../client/lookahead.ts'
import { isMessage } from '../client/sealed-object.ts'
import { describeError } from '../errors.ts'
import { S3ecError } from '../seal/s3ec/error.ts'
import { sealingOf, whereKeyIs } from '../seal/s3ec/format.ts'
import { dataKeyOf } from '../seal/s3ec/keys.ts'
import { envelopeSealer, type Sealer, s3ecSealer } from '../seal/sealer.ts'
import type { ObjectInfo, ObjectStore } from '../store/object-store.ts'
import { type Change, left, type Outcome } from './change.ts'
import {
  type Found,
  instructionBeside,
  rewrapDataKey,
  takesOver,
  withoutSealing,
} from './data-key.ts'
import { holdersAfter } from './holders.ts'

/** Objects that are worked on at a time: each may hold one part of an upload, or one message. */
const WIDTH = 4

export type Done = Outcome & { readonly key: string }

/** Every object below the prefix, in the order of keys. Run again, it goes on where it was cut. */
export function rewrapAll(
  store: ObjectStore,
  prefix: string,
  change: Change,
): AsyncGenerator<Done> {
  const one = async ({ key }: { key: string }) => ({ key, ...(await rewrap(store, key, change)) })
  return inOrder(store.list({ prefix }), one, WIDTH)
}

type Reading = {
  readonly store: ObjectStore
  readonly info: ObjectInfo
  readonly start: Lookahead
  readonly change: Change
}

/** Never throws: what goes wrong with an object is told of it. */
export async function rewrap(store: ObjectStore, key: string, change: Change): Promise<Outcome> {
  try {
    const opened = await store.get(key)
    if (opened === undefined) return { outcome: 'passed', reason: 'gone' }
    const { info, body, cancel } = opened
    const start = lookahead(body)
    try {
      const reading = { store, info, start, change }
      const ids = await envelopeKeyIds(start)
      return ids === undefined ? await rewrapS3ec(reading) : await rewrapEnvelope(reading, ids)
    } finally {
      await start.release()
      cancel()
    }
  } catch (error) {
    return left(error instanceof MailboxError ? error.reason : 'failed', describeError(error))
  }
}

async function rewrapEnvelope(reading: Reading, ids: readonly string[]): Promise<Outcome> {
  const { from, to } = reading.change
  if (ids.length === 0) return left('truncated', 'its header is cut: restore it from a copy')
  if (from.type !== 'nacl' || !ids.includes(from.id)) return passed('other-key')
  const holders = holdersAfter(ids, reading.change)
  if ('outcome' in holders) return holders
  return reseal(reading, to.type === 'nacl' ? envelopeSealer(holders) : s3ecSealer(to.key))
}

async function rewrapS3ec(reading: Reading): Promise<Outcome> {
  const { store, info, change } = reading
  const where = whereKeyIs(info.metadata)
  if (change.from.type === 'nacl') return passed(where === undefined ? 'not-sealed' : 'other-key')
  if (where === undefined && isMessage(info)) return passed('not-sealed')
  try {
    const beside = where === 'metadata' ? undefined : await instructionBeside(store, info.key)
    const sealing = sealingOf(info.metadata, beside?.says)
    if (sealing === undefined && where === undefined) return passed('not-sealed')
    if (sealing === undefined)
      return left('no-instruction', `its data key is in ${info.key}.instruction: restore that file`)
    return await rewrapFound(reading, { sealing, info, ...(beside && { beside }) })
  } catch (error) {
    throw error instanceof S3ecError ? explainS3ec(error, [change.from], info.size) : error
  }
}

async function rewrapFound(reading: Reading, found: Found): Promise<Outcome> {
  const { store, change } = reading
  const { from, to, dryRun, legacy } = change
  if (from.type === 'nacl') return passed('other-key')
  let dataKey: Uint8Array<ArrayBuffer>
  try {
    dataKey = await dataKeyOf(found.sealing, [from])
  } catch (error) {
    if (error instanceof S3ecError && error.reason === 'no-key-fits') return passed('other-key')
    throw error
  }
  try {
    if (found.sealing.version === 'legacy' && !legacy) {
      return left('legacy-format', 'it is in a legacy format: --legacy changes such objects, too')
    }
    if (to.type === 'nacl') return await reseal(reading, envelopeSealer([to.publicKey]))
    if (!takesOver(to.key, found)) return await reseal(reading, s3ecSealer(to.key))
    if (dryRun) return { outcome: 'rewrapped' }
    return ended('rewrapped', await rewrapDataKey(store, found, dataKey, to.key))
  } finally {
    dataKey.fill(0)
  }
}

/** The whole content passes its check on the way: until then the old object stays. */
async function reseal(reading: Reading, sealer: Sealer): Promise<Outcome> {
  const { store, info, start, change } = reading
  const { from, legacy, maxBytes, dryRun } = change
  const instruction = async () => (await instructionBeside(store, info.key))?.says
  if (dryRun) return { outcome: 'resealed' }
  const settings = { keys: [from], legacy, maxBytes }
  const opened = await openContent({ ...info, body: start.from(0), instruction }, settings)
  try {
    // What says how it is sealed went in between: ciphertext must not be sealed for a message.
    if (!opened.sealed) return ended('resealed', 'changed')
    const { body, length, metadata } = await sealer(opened.content, opened.length)
    const { 'x-amz-unencrypted-content-length': _, ...kept } = withoutSealing(info.metadata)
    const by = { contentType: info.contentType, metadata: { ...kept, ...metadata } }
    const content = { body, length }
    return ended('resealed', await store.replace(info.key, { ...by, content }, info.version ?? ''))
  } finally {
    await opened.release()
  }
}

function passed(reason: 'other-key' | 'not-sealed'): Outcome {
  return { outcome: 'passed', reason }
}

function ended(outcome: 'resealed' | 'rewrapped', replaced: 'replaced' | 'changed'): Outcome {
  if (replaced === 'replaced') return { outcome }
  return left('changed', 'somebody else has changed it meanwhile: run this again')
}
