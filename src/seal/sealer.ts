/**
 * What the key of an object makes of a message: the key's type decides the format (D§6). Nothing is
 * read of the message before the body is.
 */
import { type PublicKey, seal, sealedLength } from './envelope.ts'
import { type SealingKey, s3ecLength, sealS3ec } from './s3ec/seal.ts'

export type Sealed = {
  readonly body: AsyncIterable<Uint8Array>
  /** Octets of `body`. */
  readonly length: number
  /** To be stored with it; empty for an envelope, which needs none. */
  readonly metadata: Readonly<Record<string, string>>
}

/** Seals a plaintext of `length` octets; asks for a data key first where KMS makes them. */
export type Sealer = (plaintext: AsyncIterable<Uint8Array>, length: number) => Promise<Sealed>

/** Postern envelope v1: any one of the keys opens it. */
export function envelopeSealer(publicKeys: readonly PublicKey[]): Sealer {
  return async (plaintext, length) => ({
    body: seal(plaintext, publicKeys, { length }),
    length: sealedLength(length, publicKeys.length),
    metadata: {},
  })
}

/** Amazon's S3 Encryption Client formats, which have one key. */
export function s3ecSealer(key: SealingKey): Sealer {
  return async (plaintext, length) => ({
    ...(await sealS3ec(plaintext, key, { length })),
    length: s3ecLength(length),
  })
}
