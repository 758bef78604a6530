/** What `open` must refuse: anything altered, cut, moved, repeated or added, wherever it is. */
import fc from 'fast-check'
import { expect, test } from 'vitest'
import {
  first,
  headerLength,
  message,
  openWhole,
  publicKeys,
  reasonOf,
  sealWhole,
} from './support.ts'

function flipped(bytes: Uint8Array, bit: number): Uint8Array {
  const copy = bytes.slice()
  copy[bit >> 3] = (copy[bit >> 3] ?? 0) ^ (1 << (bit & 7))
  return copy
}

test('every single bit changed in the header is refused, in the entries of other keys too', async () => {
  const sealed = await sealWhole(message(10), publicKeys)
  const reasons = new Set<string>()
  for (let bit = 0; bit < headerLength(3) * 8; bit += 1) {
    reasons.add(await reasonOf(flipped(sealed, bit), [first], message(0)))
  }
  expect([...reasons].toSorted()).toEqual([
    'bad-commitment',
    'bad-magic',
    'no-key-fits',
    'too-many-keys',
    'truncated',
    'unknown-version',
    'wrap-failed',
  ])
})

test('every single bit changed in a chunk is refused', async () => {
  const sealed = await sealWhole(message(24))
  for (let bit = headerLength(1) * 8; bit < sealed.length * 8; bit += 1) {
    expect(await reasonOf(flipped(sealed, bit))).toBe('chunk-failed')
  }
})

test('a bit changed anywhere in a long envelope is refused after an honest beginning', async () => {
  const original = message(200_000)
  const sealed = await sealWhole(original)
  const property = fc.asyncProperty(fc.nat(sealed.length * 8 - 1), async (bit) => {
    expect(await reasonOf(flipped(sealed, bit), [first], original)).not.toBe('opened')
  })
  await fc.assert(property)
})

test('an envelope cut at any length is refused', async () => {
  const sealed = await sealWhole(message(40), publicKeys)
  for (let end = 0; end < sealed.length; end += 1) {
    const reason = await reasonOf(sealed.subarray(0, end))
    expect(reason).toBe(end < headerLength(3) + 16 ? 'truncated' : 'chunk-failed')
  }
})

test('a long envelope cut anywhere is refused, at the edge of a chunk as `truncated`', async () => {
  const original = message(200_000)
  const sealed = await sealWhole(original)
  const edges = [1, 2, 3].map((chunks) => headerLength(1) + chunks * 65552)
  for (const edge of edges) {
    expect(await reasonOf(sealed.subarray(0, edge), [first], original)).toBe('truncated')
  }
  const anywhere = fc.oneof(
    fc.nat(sealed.length - 1),
    fc.tuple(fc.constantFrom(...edges), fc.integer({ min: -17, max: 17 })).map(([a, b]) => a + b),
  )
  const property = fc.asyncProperty(anywhere, async (end) => {
    expect(await reasonOf(sealed.subarray(0, end), [first], original)).not.toBe('opened')
  })
  await fc.assert(property)
})

test('chunks in any order but their own are refused, with any dropped or repeated', async () => {
  const original = message(200_000)
  const sealed = await sealWhole(original)
  const chunks = [0, 1, 2, 3].map((index) =>
    sealed.subarray(headerLength(1) + index * 65552, headerLength(1) + (index + 1) * 65552),
  )
  const order = fc.array(fc.nat(3), { maxLength: 6 }).filter((list) => list.join() !== '0,1,2,3')
  const property = fc.asyncProperty(order, async (list) => {
    const moved = [
      sealed.subarray(0, headerLength(1)),
      ...list.flatMap((index) => chunks[index] ?? []),
    ]
    expect(await reasonOf(new Uint8Array(Buffer.concat(moved)), [first], original)).not.toBe(
      'opened',
    )
  })
  await fc.assert(property, {
    examples: [[[1, 0, 2, 3]], [[0, 0, 1, 2, 3]], [[0, 2, 3]], [[0, 1, 2]]],
  })
})

test('a chunk of another message sealed to the same key is refused', async () => {
  const [one, two] = [await sealWhole(message(50)), await sealWhole(message(50))]
  const mixed = Buffer.concat([one.subarray(0, headerLength(1)), two.subarray(headerLength(1))])
  expect(await reasonOf(mixed)).toBe('chunk-failed')
})

test.for([
  // length of the message, what is appended, reason, why
  [65536, 1, 'trailing-bytes', 'the last chunk is full, so the rest is told apart'],
  [65536, 65552, 'trailing-bytes', 'as much as a chunk'],
  [100, 1, 'chunk-failed', 'the byte looks like a part of the last chunk'],
] as const)('%i bytes sealed and %i bytes after them: %s, %s', async ([size, extra, reason]) => {
  const sealed = Buffer.concat([await sealWhole(message(size)), Buffer.alloc(extra)])
  expect(await reasonOf(sealed)).toBe(reason)
})

test('a sound envelope opens here too, so that the refusals above mean something', async () => {
  expect(await openWhole(await sealWhole(message(10)))).toEqual(message(10))
})
