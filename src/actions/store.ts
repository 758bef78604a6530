/**
 * S3Action: the message with its prepended fields, sealed, into the object store under
 * `prefix/id`. The key follows from the id, so a second run finds the first one's object (D§2.3).
 */
import { PermanentError } from '../errors.ts'
import { metadataOf } from '../mail/metadata.ts'
import { objectKey } from '../mail/object-key.ts'
import { prependedFields } from '../mail/prepend.ts'
import type { S3Action } from '../rules/rule-set.ts'
import type { Sealer } from '../seal/sealer.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { type Action, type Delivery, receiptOf } from './action.ts'

export type StoreCollaborators = {
  readonly hostname: string
  /** The bucket a rule names. */
  readonly bucket: (name: string) => ObjectStore
  /** How to seal; `none` when plaintext was written out. Throws when there is no such key. */
  readonly sealer: (action: S3Action) => Sealer | 'none'
}

/** S3Action. */
export function storeAction(collaborators: StoreCollaborators): Action {
  const write = messageWriter(collaborators)
  return async (delivery) => {
    const { action } = delivery.planned
    if (!('S3Action' in action)) throw new PermanentError('this is not an S3Action')
    await write(delivery, action.S3Action)
  }
}

export type MessageWriter = (
  delivery: Delivery,
  action: S3Action,
  /** User metadata beside what every message has. */
  more?: Readonly<Record<string, string>>,
) => Promise<void>

/** Seals a message and puts it where an S3 action says. */
export function messageWriter({ hostname, bucket, sealer }: StoreCollaborators): MessageWriter {
  return async (delivery, action, more = {}) => {
    const receipt = receiptOf(delivery)
    const fields = prependedFields(hostname, receipt, delivery.added)
    const plainLength = fields.length + receipt.size
    const plaintext = concatenated(fields, delivery.message())
    const seal = sealer(action)
    const { body, length, metadata } =
      seal === 'none'
        ? { body: plaintext, length: plainLength, metadata: {} }
        : await seal(plaintext, plainLength)
    await bucket(action.BucketName).put(objectKey(action.ObjectKeyPrefix, receipt.id), body, {
      length,
      contentType: seal === 'none' ? 'message/rfc822' : 'application/octet-stream',
      metadata: { ...metadataOf(receipt, fields.length), ...more, ...metadata },
    })
  }
}

async function* concatenated(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}
