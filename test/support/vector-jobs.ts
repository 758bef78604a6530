/** The vectors of all formats (test/vectors), as jobs for reader.ts; what must come of them stands there. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { root } from './consumer.ts'
import type { Job, Secret } from './reader.ts'

export type VectorJob = {
  readonly name: string
  readonly job: Job
  /** Undefined where it must be refused. */
  readonly sha256: string | undefined
  /** A cipher that it takes and that not every runtime has. */
  readonly cipher?: OldCipher
}

/** v1's wraps of the data key. */
export type OldCipher = 'AES/ECB' | 'RSA PKCS #1 v1.5'

const folder = join(root, 'test/vectors')

type Envelopes = {
  readonly keys: readonly { readonly secretKey: string }[]
  readonly vectors: readonly {
    readonly name: string
    readonly expect: 'open' | 'refuse'
    readonly openWith: number
    readonly plaintextSha256?: string
    readonly sealed?: string
    readonly file?: string
  }[]
}

function json<T>(name: string): T {
  return JSON.parse(readFileSync(join(folder, name), 'utf8')) as T
}

/** Postern envelope v1. */
export function envelopeJobs(): VectorJob[] {
  const { keys, vectors } = json<Envelopes>('envelope-v1.json')
  return vectors.map(({ name, expect, openWith, plaintextSha256, sealed, file = '' }) => {
    const body = sealed ?? readFileSync(join(folder, file), 'base64')
    const secret = { nacl: keys[openWith]?.secretKey ?? '' }
    const sha256 = expect === 'open' ? plaintextSha256 : undefined
    return { name, job: { kind: 'object', body, secret }, sha256 }
  })
}

type S3ecObjects = {
  readonly rsaPrivateKeyPem: string
  readonly aesKey: string
  readonly vectors: readonly {
    readonly name: string
    readonly wrap: string
    readonly metadata: Readonly<Record<string, string>>
    readonly instruction?: Readonly<Record<string, string>>
    readonly body: string
    readonly plaintext: string
    readonly kmsPlaintextDataKey?: string
  }[]
}

/** Amazon's S3 Encryption Clients, v1 to v3. */
export function s3ecJobs(): VectorJob[] {
  const { rsaPrivateKeyPem, aesKey, vectors } = json<S3ecObjects>('s3-encryption-client.json')
  return vectors.map((vector) => {
    const { name, wrap, body, metadata, instruction, plaintext, kmsPlaintextDataKey } = vector
    const kms = { kms: kmsPlaintextDataKey ?? '' }
    const own = { rsa: { rsa: rsaPrivateKeyPem }, aes: { aes: aesKey } }[wrap]
    const beside = instruction === undefined ? { metadata } : { metadata, instruction }
    const secret: Secret = own ?? kms
    return {
      name,
      job: { kind: 'object', body, ...beside, secret },
      sha256: createHash('sha256').update(Buffer.from(plaintext, 'base64')).digest('hex'),
      ...(metadata['x-amz-key'] === undefined
        ? {}
        : { cipher: wrap === 'aes' ? 'AES/ECB' : 'RSA PKCS #1 v1.5' }),
    }
  })
}
