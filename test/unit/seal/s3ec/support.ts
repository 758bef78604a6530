/** The objects that official code wrote (test/vectors/s3-encryption-client.json), and the keys to them. */
import { createPrivateKey, createPublicKey } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import {
  aesKey,
  type KmsKey,
  kmsKey,
  type MailKey,
  type ObjectToOpen,
  rsaKey,
} from '../../../../src/client/index.ts'

export type Vector = {
  readonly name: string
  readonly writtenBy: string
  readonly metadata: Readonly<Record<string, string>>
  readonly body: string
  readonly plaintext: string
  readonly instruction?: Readonly<Record<string, string>>
  readonly encryptionContext?: Readonly<Record<string, string>>
  readonly kmsPlaintextDataKey?: string
}

const file = join(import.meta.dirname, '../../../vectors/s3-encryption-client.json')
const read = JSON.parse(readFileSync(file, 'utf8')) as {
  readonly rsaPrivateKeyPem: string
  readonly aesKey: string
  readonly vectors: readonly Vector[]
}

export const { vectors } = read
export const bytes = (base64: string): Uint8Array<ArrayBuffer> =>
  new Uint8Array(Buffer.from(base64, 'base64'))

export const rsaPem = read.rsaPrivateKeyPem
export const rsaPublicKey = createPublicKey(createPrivateKey(rsaPem))
export const aesSecret = bytes(read.aesKey)

/** Stands for AWS KMS, which cannot run here: it knows the one data key of one vector. */
export function kmsOf(vector: Vector): KmsKey {
  const { encryptionContext = {}, kmsPlaintextDataKey = '', metadata, instruction } = vector
  const said = { ...instruction, ...metadata }
  const encryptedKey = said['x-amz-key-v2'] ?? said['x-amz-3'] ?? ''
  return kmsKey(async (asked, context) => {
    const names = Object.keys(encryptionContext)
    const same =
      Buffer.from(asked).toString('base64') === encryptedKey &&
      names.length === Object.keys(context).length &&
      names.every((name) => context[name] === encryptionContext[name])
    if (same) return bytes(kmsPlaintextDataKey)
    throw Object.assign(new Error('refused'), { name: 'InvalidCiphertextException' })
  })
}

export function keysOf(vector: Vector): readonly MailKey[] {
  return [rsaKey(rsaPem), aesKey(aesSecret), kmsOf(vector)]
}

export function objectOf(vector: Vector): ObjectToOpen {
  const { metadata, instruction } = vector
  return {
    body: bytes(vector.body),
    metadata,
    ...(instruction === undefined ? {} : { instruction }),
  }
}

export async function* once(piece: Uint8Array): AsyncGenerator<Uint8Array> {
  yield piece
}
