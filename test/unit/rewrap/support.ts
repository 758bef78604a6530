/** What the tests of src/rewrap share: stores with sealed objects in them, and changes of keys. */
import { createCipheriv, createPublicKey, generateKeyPairSync, randomBytes } from 'node:crypto'
import { join } from 'node:path'
import {
  aesKey,
  type MailKey,
  type NaclKey,
  naclKey,
  openObject,
  rsaKey,
} from '../../../src/client/index.ts'
import { instructionOf } from '../../../src/client/instruction.ts'
import type { Change, NewKey } from '../../../src/rewrap/change.ts'
import { seal, sealedLength } from '../../../src/seal/envelope.ts'
import { type SealingKey, s3ecLength, sealS3ec } from '../../../src/seal/s3ec/seal.ts'
import { dirStore } from '../../../src/store/dir.ts'
import type { ObjectStore } from '../../../src/store/object-store.ts'
import { bytesOf, chunks, described, textBody } from '../../conformance/content.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

export function temporaryStore(): { path: string; store: ObjectStore } {
  const folder = temporaryDirectory('rewrap')
  return { path: join(folder, 'inbox'), store: dirStore(join(folder, 'inbox')) }
}

export const nacl = (n: number): NaclKey => naclKey(new Uint8Array(32).fill(n))

/** A key in both halves: what opens, and what seals in a format. */
export type Both = { readonly opens: MailKey; readonly seals: (version: 'v2' | 'v3') => SealingKey }

export function rsaPair(): Both {
  const pair = generateKeyPairSync('rsa', {
    modulusLength: 2048,
    publicKeyEncoding: { type: 'spki', format: 'pem' },
    privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
  })
  const publicKey = createPublicKey(pair.publicKey)
  return {
    opens: rsaKey(pair.privateKey),
    seals: (version) => ({ type: 'rsa', version, context: {}, publicKey }),
  }
}

export function aesBoth(n: number): Both {
  const secret = new Uint8Array(32).fill(n)
  return {
    opens: aesKey(secret),
    seals: (version) => ({ type: 'aes', version, context: { made: `${n}` }, secret }),
  }
}

export function changeOf(
  from: MailKey,
  to: NaclKey | SealingKey,
  more: Partial<Change> = {},
): Change {
  const newKey: NewKey = to.type === 'nacl' ? to : { type: 's3ec', key: to }
  const rest = { known: new Map(), dropOthers: false, legacy: false, dryRun: false }
  return { from, to: newKey, maxBytes: 2 ** 26, ...rest, ...more }
}

/** As a message has it, and what a QuarantineAction adds. */
export const index = {
  'postern-id': 'm1',
  'postern-prepended': '17',
  'postern-quarantine-reason': 'spam',
}

export async function putEnvelope(
  store: ObjectStore,
  key: string,
  text: string,
  keys: readonly NaclKey[],
): Promise<void> {
  const publicKeys = keys.map(({ publicKey }) => publicKey)
  const length = sealedLength(Buffer.byteLength(text), keys.length)
  const options = { length, contentType: 'application/octet-stream', metadata: index }
  await store.put(key, seal(textBody(text), publicKeys), options)
}

/** With the data key in the metadata, or in KEY.instruction as AWS's clients put it there. */
export async function putS3ec(
  store: ObjectStore,
  key: string,
  text: string,
  to: SealingKey,
  where: 'metadata' | 'instruction' = 'metadata',
): Promise<void> {
  const plain = Buffer.byteLength(text)
  const { body, metadata } = await sealS3ec(textBody(text), to, { length: plain })
  const stays = ['x-amz-c', 'x-amz-d', 'x-amz-i', 'x-amz-unencrypted-content-length']
  const all = Object.entries(metadata)
  const onObject = where === 'metadata' ? all : all.filter(([name]) => stays.includes(name))
  const length = s3ecLength(plain)
  const described = { ...index, ...Object.fromEntries(onObject) }
  const contentType = 'application/octet-stream'
  await store.put(key, body, { length, contentType, metadata: described })
  if (where === 'metadata') return
  const moved = JSON.stringify(Object.fromEntries(all.filter(([name]) => !stays.includes(name))))
  const options = { contentType: 'application/json', metadata: { 'x-amz-crypto-instr-file': '' } }
  await store.put(`${key}.instruction`, textBody(moved), { ...options, length: moved.length })
}

/** Stands for what old clients write: v2 with AES key wrap (RFC 3394) in place of AES/GCM, to `aesBoth(n)`. */
export async function putLegacy(
  store: ObjectStore,
  key: string,
  text: string,
  n: number,
): Promise<void> {
  const [dataKey, iv] = [randomBytes(32), randomBytes(12)]
  const wrap = createCipheriv('id-aes256-wrap', Buffer.alloc(32, n), Buffer.alloc(8, 0xa6))
  const cipher = createCipheriv('aes-256-gcm', dataKey, iv)
  const body = Buffer.concat([cipher.update(text), cipher.final(), cipher.getAuthTag()])
  const metadata = {
    ...index,
    'x-amz-key-v2': Buffer.concat([wrap.update(dataKey), wrap.final()]).toString('base64'),
    'x-amz-iv': iv.toString('base64'),
    'x-amz-cek-alg': 'AES/GCM/NoPadding',
    'x-amz-wrap-alg': 'AESWrap',
    'x-amz-matdesc': '{}',
  }
  await store.put(key, chunks(body), described(body.length, metadata))
}

/** The text that a key opens, or the reason why it opens none. */
export async function textBy(store: ObjectStore, key: string, by: MailKey): Promise<string> {
  const body = await bytesOf(await store.get(key))
  const info = await store.head(key)
  const instruction = await instructionOf(store, key)
  if (body === undefined || info === undefined) return 'gone'
  const object = { body, metadata: info.metadata, contentType: info.contentType }
  try {
    const opened = await openObject(
      { ...object, ...(instruction && { instruction }) },
      { keys: [by] },
    )
    return Buffer.from(opened).toString()
  } catch (error) {
    return `${error instanceof Error && 'reason' in error ? error.reason : error}`
  }
}
