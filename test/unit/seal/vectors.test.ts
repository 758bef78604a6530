/** The vectors of another implementation (test/vectors/README.md), opened by both backends in any pieces. */
import { createHash } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { EnvelopeError, type KeyPair, open, sealedLength } from '../../../src/seal/envelope.ts'
import { backends, collect, cut } from './support.ts'

type Vector = {
  readonly name: string
  readonly expect: 'open' | 'refuse'
  readonly openWith: number
  readonly plaintextSha256?: string
  readonly plaintextLength?: number
  readonly sealed?: string
  readonly sealedSha256?: string
  readonly file?: string
}

const folder = join(import.meta.dirname, '../../vectors')
const { keys, vectors } = JSON.parse(readFileSync(join(folder, 'envelope-v1.json'), 'utf8')) as {
  keys: readonly Record<'publicKey' | 'secretKey', string>[]
  vectors: readonly Vector[]
}
const pairs: readonly KeyPair[] = keys.map((key) => ({
  publicKey: Buffer.from(key.publicKey, 'base64'),
  secretKey: Buffer.from(key.secretKey, 'base64'),
}))

const reasons: Readonly<Record<string, string>> = {
  magic: 'bad-magic',
  version: 'unknown-version',
  'ephemeral key': 'wrap-failed',
  'key count': 'no-keys',
  'key id': 'no-key-fits',
  wrap: 'wrap-failed',
  commitment: 'bad-commitment',
  'chunk tag': 'chunk-failed',
  'last byte': 'chunk-failed',
  'cut by one byte': 'chunk-failed',
  'header only': 'truncated',
  'half a header': 'truncated',
  empty: 'truncated',
  'byte appended': 'chunk-failed',
  'cut-at-chunk-boundary': 'truncated',
  'chunks-swapped': 'chunk-failed',
  'first-chunk-twice': 'chunk-failed',
}

const splits = [
  // sizes of the pieces, why
  [[1 << 20], 'whole'],
  [[1], 'byte by byte'],
  [[7, 0, 65552, 3, 65536, 1], 'odd sizes, empty pieces among them'],
] as const

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

function sealedOf(vector: Vector): Uint8Array {
  if (vector.file !== undefined) return readFileSync(join(folder, vector.file))
  return Buffer.from(vector.sealed ?? '', 'base64')
}

test('the vectors hold both kinds, and every refusal here has its reason', () => {
  const refused = vectors.filter((each) => each.expect === 'refuse').map((each) => each.name)
  expect(vectors.length - refused.length).toBeGreaterThanOrEqual(8)
  expect(refused.toSorted()).toEqual(Object.keys(reasons).toSorted())
})

describe.for(backends.map((backend) => [backend.name, backend] as const))(
  'with %s',
  ([, backend]) => {
    describe.for(splits)('in pieces of %j (%s)', ([sizes]) => {
      test.for(vectors.filter((each) => each.expect === 'open'))('$name opens', async (vector) => {
        const sealed = sealedOf(vector)
        expect(sha256(sealed)).toBe(vector.sealedSha256)
        const key = pairs.slice(vector.openWith, vector.openWith + 1)
        const plain = await collect(open(cut(sealed, sizes), key, { backend }))
        expect(plain.length).toBe(vector.plaintextLength)
        expect(sha256(plain)).toBe(vector.plaintextSha256)
        const holders = new DataView(sealed.buffer, sealed.byteOffset).getUint16(40)
        expect(sealed.length).toBe(sealedLength(plain.length, holders))
      })

      test.for(vectors.filter((each) => each.expect === 'refuse'))(
        'the envelope with its $name changed is refused',
        async (vector) => {
          const key = pairs.slice(vector.openWith, vector.openWith + 1)
          const opened = collect(open(cut(sealedOf(vector), sizes), key, { backend }))
          const error = await opened.then(() => undefined).catch((thrown: unknown) => thrown)
          expect(error).toBeInstanceOf(EnvelopeError)
          expect(error).toHaveProperty('reason', reasons[vector.name])
        },
      )
    })
  },
)
