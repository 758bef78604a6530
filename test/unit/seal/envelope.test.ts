/** Sealing and opening as streams: what goes in comes out, and its length is known beforehand. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { isTransient } from '../../../src/errors.ts'
import { EnvelopeError, keyId, open, seal, sealedLength } from '../../../src/seal/envelope.ts'
import { newKeyPair } from '../../../src/seal/keys.ts'
import {
  backends,
  collect,
  cut,
  first,
  keyPairs,
  message,
  openWhole,
  publicKeys,
  sealWhole,
} from './support.ts'

/** Sizes around every edge of a chunk, and pieces that fall on them and beside them. */
const length = fc.oneof(
  fc.nat(300),
  fc.constantFrom(65535, 65536, 65537, 131071, 131072, 131073),
  fc.constantFrom(262_143, 262_144, 262_145),
  fc.nat(400_000),
)
const sizes = fc
  .array(fc.oneof(fc.nat(50_000), fc.constantFrom(0, 65536, 65552)), { minLength: 1, maxLength: 6 })
  .map((list) => [...list, 4001])

describe.for(backends.map((backend) => [backend.name, backend] as const))(
  '%s',
  ([name, backend]) => {
    test('opening inverts sealing, however the streams are cut and whichever key opens', async () => {
      const property = fc.asyncProperty(
        length,
        sizes,
        sizes,
        fc.integer({ min: 1, max: 3 }),
        fc.nat(2),
        fc.boolean(),
        async (size, inSizes, outSizes, count, holder, known) => {
          const how = { backend, length: known ? size : undefined }
          const sealed = await collect(
            seal(cut(message(size), inSizes), publicKeys.slice(0, count), how),
          )
          expect(sealed.length).toBe(sealedLength(size, count))
          const key = keyPairs.slice(holder % count, (holder % count) + 1)
          const plain = await collect(open(cut(sealed, outSizes), key, { backend }))
          expect(Buffer.compare(plain, message(size))).toBe(0)
        },
      )
      await fc.assert(property, { numRuns: name === 'tweetnacl' ? 40 : 200 })
    })
  },
)

test.for([
  // message, keys, sealed, why
  [0, 1, 154, 'an empty message still has its one, empty chunk'],
  [1, 1, 155, 'one chunk'],
  [65536, 1, 65690, 'exactly one chunk, none after it'],
  [65537, 2, 65771, 'two chunks, two keys'],
  [131072, 64, 135274, 'the most keys'],
] as const)('%i bytes for %i key(s) are %i bytes sealed: %s', async ([size, count, sealed]) => {
  expect(sealedLength(size, count)).toBe(sealed)
  const keys = Array.from({ length: count }, () => newKeyPair().publicKey)
  expect((await sealWhole(message(size), keys)).length).toBe(sealed)
})

const header = 42 + 3 * 64 + 32
test.for([
  ['one piece per chunk', undefined, [header + 65552, 65552, 65552, 65552, 37_872]],
  ['four chunks a piece where the length is known', 300_000, [header + 4 * 65552, 37_872]],
] as const)('the header comes with the first chunk, and %s', async ([, length, expected]) => {
  const sealed = seal(cut(message(300_000), [999]), publicKeys, { length })
  const pieces = await Array.fromAsync(sealed, (piece) => piece.length)
  expect(pieces).toEqual(expected)
})

test('pieces handed out stay as they are while the stream goes on', async () => {
  const length = 600_000
  const given = await Array.fromAsync(seal(cut(message(length), [70_000]), publicKeys, { length }))
  expect(await openWhole(new Uint8Array(Buffer.concat(given)))).toEqual(message(length))
  const pieces: Uint8Array[] = []
  const copies: Buffer[] = []
  for await (const piece of open(cut(await sealWhole(message(200_000)), [777]), [first])) {
    pieces.push(piece)
    copies.push(Buffer.from(piece))
  }
  expect(pieces.map((piece) => Buffer.from(piece))).toEqual(copies)
})

test('a header names its keys by the first 16 bytes of their hash, in their order', async () => {
  const sealed = await sealWhole(message(5), publicKeys)
  const ids = [0, 1, 2].map((index) => sealed.slice(42 + 64 * index, 58 + 64 * index))
  expect(ids).toEqual(publicKeys.map((key) => new Uint8Array(keyId(key))))
  expect(keyId(first.publicKey)).toHaveLength(16)
})

test('pieces that are Buffers within a pool are read in their own bounds', async () => {
  const sealed = await sealWhole(message(3000))
  async function* pooled() {
    for await (const piece of cut(sealed, [1000])) yield Buffer.from(piece)
  }
  expect(await collect(open(pooled(), [first]))).toEqual(message(3000))
})

describe('keys that nothing can be sealed to', () => {
  test.for([
    // keys, reason, why
    [[], 'no-keys', 'nobody could open it'],
    [Array.from({ length: 65 }, () => first.publicKey), 'too-many-keys', 'no reader would take it'],
    [[first.publicKey, new Uint8Array(31)], 'bad-key', 'not a key'],
    [[new Uint8Array(32)], 'weak-public-key', 'anybody could open it'],
  ] as const)('%o are refused with %s: %s', async ([keys, reason]) => {
    const error = await collect(seal(cut(message(10), [10]), keys)).catch(
      (thrown: unknown) => thrown,
    )
    expect(error).toBeInstanceOf(EnvelopeError)
    expect(error).toHaveProperty('reason', reason)
    expect(isTransient(error)).toBe(false)
  })
})

test('opening with several keys takes the one that fits', async () => {
  const sealed = await sealWhole(message(10), publicKeys.slice(2))
  expect(await openWhole(sealed, keyPairs)).toEqual(message(10))
})
