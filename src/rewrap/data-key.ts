/**
 * Wraps the data key of an S3 Encryption Client's object anew: what is sealed with it stays as it is. Only
 * the metadata changes, or the instruction file, wherever the wrapped key was. The content is not read.
 */
import { INSTRUCTION, instructionOf } from '../client/instruction.ts'
import { contentKeyOf } from '../seal/s3ec/derive.ts'
import { S3ecError } from '../seal/s3ec/error.ts'
import { type Metadata, metadataOf, type Sealing, sealingKeys } from '../seal/s3ec/format.ts'
import { rewrapped, type SealingKey } from '../seal/s3ec/seal.ts'
import type { ObjectInfo, ObjectStore } from '../store/object-store.ts'

/** The data key of an object, wherever it is kept. */
export type Found = {
  readonly sealing: Sealing
  readonly info: ObjectInfo
  /** The instruction file, where the wrapped key is in that. */
  readonly beside?: { readonly info: ObjectInfo; readonly says: Metadata }
}

/** Undefined where there is none. */
export async function instructionBeside(
  store: ObjectStore,
  key: string,
): Promise<Found['beside'] | undefined> {
  // Looked at before it is read: when it changes in between, it is not replaced.
  const info = await store.head(key + INSTRUCTION)
  const says = info && (await instructionOf(store, key))
  return info && says && { info, says }
}

/** Whether the new key can take the data key over: then the object keeps its format. */
export function takesOver(
  key: SealingKey,
  { sealing }: Found,
): key is Extract<SealingKey, { type: 'rsa' | 'aes' }> {
  // A data key that KMS wraps is one that KMS has made.
  return key.type !== 'kms' && key.version === sealing.version
}

/** Throws S3ecError for a data key that is not the object's. */
export async function rewrapDataKey(
  store: ObjectStore,
  { sealing, info, beside }: Found,
  dataKey: Uint8Array<ArrayBuffer>,
  to: Extract<SealingKey, { type: 'rsa' | 'aes' }>,
): Promise<'replaced' | 'changed'> {
  const described = await describedAnew(sealing, dataKey, to)
  if (beside === undefined) {
    const metadata = { ...withoutSealing(info.metadata), ...described }
    return store.replace(info.key, { ...info, metadata }, info.version ?? '')
  }
  // What the object says of itself stays with it: v3's commitment, above all.
  const moved = Object.entries(described).filter(([name]) => info.metadata[name] === undefined)
  const says = { ...withoutSealing(beside.says), ...Object.fromEntries(moved) }
  const octets = Buffer.from(JSON.stringify(says))
  const content = { body: once(octets), length: octets.length }
  const { key, version = '' } = beside.info
  return store.replace(key, { ...beside.info, content }, version)
}

async function describedAnew(
  sealing: Sealing,
  dataKey: Uint8Array<ArrayBuffer>,
  to: Extract<SealingKey, { type: 'rsa' | 'aes' }>,
): Promise<Metadata> {
  if (sealing.version === 'legacy') throw new S3ecError('legacy-format')
  if (sealing.version === 'v3') (await contentKeyOf(dataKey, sealing)).fill(0)
  return metadataOf({ ...sealing, ...rewrapped(to, dataKey) })
}

/** The metadata without what tells how an object is sealed; its plaintext's length stays. */
export function withoutSealing(metadata: Metadata): Record<string, string> {
  const kept = Object.entries(metadata).filter(
    ([name]) => !sealingKeys.includes(name) || name === 'x-amz-unencrypted-content-length',
  )
  return Object.fromEntries(kept)
}

async function* once(octets: Uint8Array): AsyncGenerator<Uint8Array> {
  yield octets
}
