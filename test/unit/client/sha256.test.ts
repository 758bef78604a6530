/** The SHA-256 that browsers run must equal Node's. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { nativeSha256, newSha256, portableSha256 } from '../../../src/client/sha256.ts'

test('FIPS 180-4: the value of "abc"', () => {
  const hash = portableSha256()
  hash.update(Buffer.from('abc'))
  expect(hash.hex()).toBe('ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad')
})

test('every length around a block, and pieces of any size', () => {
  for (let length = 0; length < 200; length += 1) {
    const bytes = Buffer.alloc(length, 'x')
    const hash = portableSha256()
    hash.update(bytes)
    expect(hash.hex()).toBe(createHash('sha256').update(bytes).digest('hex'))
  }
  fc.assert(
    fc.property(fc.array(fc.uint8Array({ maxLength: 300 })), (chunks) => {
      const [ours, theirs] = [portableSha256(), newSha256()]
      for (const each of chunks) {
        ours.update(each)
        theirs.update(each)
      }
      const expected = createHash('sha256').update(Buffer.concat(chunks)).digest('hex')
      expect([ours.hex(), theirs.hex()]).toEqual([expected, expected])
    }),
    { seed: 1 },
  )
})

test("Node uses its own, and hashes of two streams don't mix", () => {
  expect(nativeSha256()).toBeDefined()
  const [a, b] = [portableSha256(), portableSha256()]
  for (let turn = 0; turn < 10; turn += 1) {
    a.update(Buffer.alloc(50, 'a'))
    b.update(Buffer.alloc(50, 'b'))
  }
  expect(a.hex()).toBe(createHash('sha256').update('a'.repeat(500)).digest('hex'))
  expect(b.hex()).toBe(createHash('sha256').update('b'.repeat(500)).digest('hex'))
})
