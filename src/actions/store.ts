/**
 * S3Action: the message with its prepended fields, sealed, into the object store under
 * `prefix/id`. The key follows from the id, so a second run finds the first one's object (D§2.3).
 */
import { PermanentError } from '../errors.ts'
import { metadataOf } from '../mail/metadata.ts'
import { objectKey } from '../mail/object-key.ts'
import { prependedFields } from '../mail/prepend.ts'
import type { S3Action } from '../rules/rule-set.ts'
import { type PublicKey, seal, sealedLength } from '../seal/envelope.ts'
import type { ObjectStore } from '../store/object-store.ts'
import { type Action, type Delivery, receiptOf } from './action.ts'

export type StoreCollaborators = {
  readonly hostname: string
  /** The bucket a rule names. */
  readonly bucket: (name: string) => ObjectStore
  /** The keys to seal to; `none` when plaintext was written out. Throws when there is no such key. */
  readonly keys: (action: S3Action) => readonly PublicKey[] | 'none'
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
export function messageWriter({ hostname, bucket, keys }: StoreCollaborators): MessageWriter {
  return async (delivery, action, more = {}) => {
    const receipt = receiptOf(delivery)
    const fields = prependedFields(hostname, receipt, delivery.added)
    const plainLength = fields.length + receipt.size
    const publicKeys = keys(action)
    const plaintext = concatenated(fields, delivery.message())
    const sealed = publicKeys !== 'none'
    await bucket(action.BucketName).put(
      objectKey(action.ObjectKeyPrefix, receipt.id),
      sealed ? seal(plaintext, publicKeys) : plaintext,
      {
        length: sealed ? sealedLength(plainLength, publicKeys.length) : plainLength,
        contentType: sealed ? 'application/octet-stream' : 'message/rfc822',
        metadata: { ...metadataOf(receipt, fields.length), ...more },
      },
    )
  }
}

async function* concatenated(
  first: Uint8Array,
  rest: AsyncIterable<Uint8Array>,
): AsyncGenerator<Uint8Array> {
  yield first
  yield* rest
}
