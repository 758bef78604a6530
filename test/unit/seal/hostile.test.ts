/** Keys that do not fit, and envelopes that somebody built to mislead a reader: each refused by name. */
import { describe, expect, test } from 'vitest'
import { EnvelopeError, envelopeReasons, open, seal } from '../../../src/seal/envelope.ts'
import { newKeyPair } from '../../../src/seal/keys.ts'
import type { NaclBackend } from '../../../src/seal/nacl.ts'
import {
  collect,
  cut,
  first,
  keyPairs,
  message,
  publicKeys,
  reasonOf,
  sealWhole,
  sodiumBackend,
} from './support.ts'

describe('keys', () => {
  test('of a stranger open nothing', async () => {
    expect(await reasonOf(await sealWhole(message(10), publicKeys), [newKeyPair()])).toBe(
      'no-key-fits',
    )
    expect(await reasonOf(await sealWhole(message(10)), [])).toBe('no-key-fits')
  })

  test('whose secret half is another one open nothing', async () => {
    const mixed = { publicKey: first.publicKey, secretKey: newKeyPair().secretKey }
    expect(await reasonOf(await sealWhole(message(10)), [mixed])).toBe('wrap-failed')
  })

  test('of another length are refused', async () => {
    const short = { publicKey: first.publicKey, secretKey: new Uint8Array(31) }
    expect(await reasonOf(await sealWhole(message(10)), [short])).toBe('bad-key')
  })
})

test('a header that claims 65535 keys is refused before any of them is read', async () => {
  let pulled = 0
  async function* endless() {
    const start = (await sealWhole(message(0))).slice(0, 42)
    start.set([0xff, 0xff], 40)
    yield start
    for (;;) {
      pulled += 1
      yield new Uint8Array(1024)
    }
  }
  await expect(collect(open(endless(), [first]))).rejects.toMatchObject({ reason: 'too-many-keys' })
  expect(pulled).toBe(0)
})

test('an empty chunk after others is refused, though it is sound', async () => {
  // A writer that marks the end with an empty chunk: made here by sealing with its own nonces.
  const empty = new Uint8Array(16)
  const clumsy: NaclBackend = {
    ...sodiumBackend,
    secretbox(box, chunk, nonce, key) {
      const notLast = nonce.slice()
      notLast[23] = 0
      const end = nonce.slice()
      end.set([1, 1], 22)
      sodiumBackend.secretbox(box, chunk, notLast, key)
      sodiumBackend.secretbox(empty, new Uint8Array(0), end, key)
    },
  }
  const original = message(65536)
  const sealed = await collect(seal(cut(original, [65536]), [first.publicKey], { backend: clumsy }))
  const ended = Buffer.concat([sealed, empty])
  expect(await reasonOf(ended, [first], original)).toBe('empty-chunk')
})

test('two file keys under one header do not pass: the commitment takes one', async () => {
  // The partitioning attack of two holders who are to see different texts: wraps of different file keys.
  const keys = publicKeys.slice(0, 2)
  const [one, two] = [await sealWhole(message(20), keys), await sealWhole(message(20), keys)]
  const spliced = one.slice()
  spliced.set(two.subarray(8, 40), 8)
  spliced.set(two.subarray(42 + 64, 42 + 128), 42 + 64)
  expect(await reasonOf(spliced, [first])).toBe('wrap-failed')
  expect(await reasonOf(spliced, keyPairs.slice(1, 2))).toBe('bad-commitment')
})

test('every reason has one plain sentence', () => {
  for (const sentence of Object.values(envelopeReasons)) expect(sentence).toMatch(/^[A-Z][^.]+\.$/)
  expect(new EnvelopeError('truncated')).toMatchObject({
    name: 'EnvelopeError',
    reason: 'truncated',
    message: envelopeReasons.truncated,
  })
})
