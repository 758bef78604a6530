/** What official clients wrote is opened, and what we write of the same keys is the same to the octet. */
import { privateDecrypt } from 'node:crypto'
import { describe, expect, test } from 'vitest'
import { openObject } from '../../../../src/client/index.ts'
import { SUITE_ID } from '../../../../src/seal/s3ec/format.ts'
import { type SealingKey, sealS3ec } from '../../../../src/seal/s3ec/seal.ts'
import {
  aesSecret,
  bytes,
  keysOf,
  objectOf,
  once,
  rsaPem,
  rsaPublicKey,
  type Vector,
  vectors,
} from './support.ts'

/** SES wraps as `kms`, too: what has that wrap, or is v1, wants `legacy`. */
function isLegacy({ metadata, instruction }: Vector): boolean {
  const said = { ...instruction, ...metadata }
  return said['x-amz-key'] !== undefined || said['x-amz-wrap-alg'] === 'kms'
}

const named = vectors.map((vector) => [vector.name, vector] as const)

test('there are vectors of every format, by four implementations', () => {
  expect(vectors.length).toBe(27)
  expect(vectors.filter(isLegacy).length).toBe(5)
})

test.for(named)('%s is opened', async ([, vector]) => {
  const opened = await openObject(objectOf(vector), { keys: keysOf(vector), legacy: true })
  expect(Buffer.from(opened).toString('base64')).toBe(vector.plaintext)
})

test.for(named)('%s is opened without legacy, unless it is that', async ([, vector]) => {
  const opening = openObject(objectOf(vector), { keys: keysOf(vector) })
  if (isLegacy(vector)) await expect(opening).rejects.toMatchObject({ name: 'LegacyFormatError' })
  else expect(Buffer.from(await opening).toString('base64')).toBe(vector.plaintext)
})

test.for(named)('%s is opened where commitment is required, if it is v3', async ([, vector]) => {
  const policy = { legacy: true, requireCommitment: true }
  const opening = openObject(objectOf(vector), { keys: keysOf(vector), ...policy })
  if (vector.metadata['x-amz-c'] === undefined) {
    await expect(opening).rejects.toMatchObject({ name: 'NoCommitmentError' })
  } else expect(Buffer.from(await opening).toString('base64')).toBe(vector.plaintext)
})

/** RSA-OAEP is random: its wraps are compared opened. */
function withoutRandomWrap(metadata: Readonly<Record<string, string>>) {
  const { 'x-amz-3': v3, 'x-amz-key-v2': v2, ...rest } = metadata
  const isRsa = rest['x-amz-w'] === '22' || rest['x-amz-wrap-alg'] === 'RSA-OAEP-SHA1'
  const wrapped = v3 ?? v2 ?? ''
  const opened = isRsa ? privateDecrypt({ key: rsaPem, oaepHash: 'sha1' }, bytes(wrapped)) : ''
  return { ...rest, wrapped: isRsa ? opened.toString('hex') : wrapped }
}

/** The key a vector was sealed with, and its random octets in the order in which we ask for them. */
async function ingredientsOf(vector: Vector) {
  const { metadata, encryptionContext = {}, kmsPlaintextDataKey = '' } = vector
  const version = metadata['x-amz-c'] === undefined ? 'v2' : 'v3'
  const [algorithm, salt] =
    version === 'v3' ? ['115', metadata['x-amz-i']] : ['AES/GCM/NoPadding', metadata['x-amz-iv']]
  const wrapped = bytes(metadata['x-amz-3'] ?? metadata['x-amz-key-v2'] ?? '')
  const wrap = metadata['x-amz-w'] ?? metadata['x-amz-wrap-alg']
  if (wrap === '12' || wrap === 'kms+context') {
    const { 'aws:x-amz-cek-alg': _, ...context } = encryptionContext
    const dataKey = bytes(kmsPlaintextDataKey)
    const generateDataKey = async () => ({ dataKey, encryptedKey: wrapped })
    const key: SealingKey = { type: 'kms', version, context, generateDataKey }
    return { key, random: [bytes(salt ?? '')] }
  }
  if (wrap === '22' || wrap === 'RSA-OAEP-SHA1') {
    const plain = privateDecrypt({ key: rsaPem, oaepHash: 'sha1' }, wrapped)
    const key: SealingKey = { type: 'rsa', version, context: {}, publicKey: rsaPublicKey }
    return { key, random: [plain.subarray(1, 33), bytes(salt ?? '')] }
  }
  const secret = await crypto.subtle.importKey('raw', aesSecret, 'AES-GCM', false, ['decrypt'])
  const additionalData = Buffer.from(algorithm ?? '')
  const how = { name: 'AES-GCM', iv: wrapped.subarray(0, 12), additionalData }
  const dataKey = await crypto.subtle.decrypt(how, secret, wrapped.subarray(12))
  const key: SealingKey = { type: 'aes', version, context: {}, secret: aesSecret }
  return { key, random: [new Uint8Array(dataKey), wrapped.slice(0, 12), bytes(salt ?? '')] }
}

const written = named.filter(([, vector]) => !isLegacy(vector) && vector.instruction === undefined)

describe('the same key, data key and message id in', () => {
  test.for(written)('%s: the same bytes out', async ([, vector]) => {
    const { key, random } = await ingredientsOf(vector)
    const plaintext = bytes(vector.plaintext)
    const length =
      'x-amz-unencrypted-content-length' in vector.metadata ? plaintext.length : undefined
    const next = (asked: number): Uint8Array => {
      const given = random.shift() ?? new Uint8Array(0)
      expect(given.length).toBe(asked)
      return Uint8Array.from(given)
    }
    const sealed = await sealS3ec(once(plaintext), key, { length, random: next })
    const body = Buffer.concat(await Array.fromAsync(sealed.body))
    expect(body.toString('base64')).toBe(vector.body)
    expect(random).toEqual([])
    // Java leaves empty pairs out; Ruby and we write them, as the reference says.
    const pairs = key.version === 'v3' && key.type !== 'kms' ? { 'x-amz-m': '{}' } : {}
    const expected = withoutRandomWrap({ ...pairs, ...vector.metadata })
    expect(sorted(withoutRandomWrap(sealed.metadata))).toEqual(sorted(expected))
  })
})

/** JSON in a value has no order. */
function sorted(metadata: Readonly<Record<string, string>>) {
  const parsed = (text: string): unknown => (text.startsWith('{') ? JSON.parse(text) : text)
  return Object.fromEntries(Object.entries(metadata).map(([name, value]) => [name, parsed(value)]))
}

test('the suite id is 115', () => expect(SUITE_ID).toEqual(Uint8Array.of(0, 115)))
