/** What the tests of src/seal share: streams cut at will, both backends, randomness that repeats. */
import { expect } from 'vitest'
import {
  EnvelopeError,
  type KeyPair,
  open,
  type PublicKey,
  seal,
} from '../../../src/seal/envelope.ts'
import { keyPairOf } from '../../../src/seal/keys.ts'
import { type NaclBackend, tweetnaclBackend } from '../../../src/seal/nacl.ts'
import { loadSodium } from '../../../src/seal/sodium.ts'

const sodium = loadSodium()
if (sodium.backend === undefined) throw new Error(`these tests need both: ${sodium.reason}`)

export const sodiumBackend: NaclBackend = sodium.backend
export const backends = [tweetnaclBackend, sodiumBackend] as const

/** Key pairs that are the same in every run. */
export const keyPairs: readonly KeyPair[] = [1, 2, 3].map((byte) =>
  keyPairOf(new Uint8Array(32).fill(byte)),
)
export const publicKeys: readonly PublicKey[] = keyPairs.map((pair) => pair.publicKey)

/** The first of the key pairs. */
export const [first = keyPairOf(new Uint8Array(32))] = keyPairs

/** `bytes` in pieces of these sizes, over and over; a size of 0 is an empty piece. */
export async function* cut(bytes: Uint8Array, sizes: readonly number[]) {
  for (let at = 0, turn = 0; at < bytes.length; turn += 1) {
    const size = sizes[turn % sizes.length] ?? 1
    yield bytes.subarray(at, at + size)
    at += size
  }
}

export async function collect(source: AsyncIterable<Uint8Array>): Promise<Uint8Array> {
  const pieces: Uint8Array[] = []
  for await (const piece of source) pieces.push(piece)
  return new Uint8Array(Buffer.concat(pieces))
}

/** A message of that length in which no two chunks are alike. */
export function message(length: number): Uint8Array {
  return Uint8Array.from({ length }, (_, index) => (index * 31 + (index >> 8) * 7) & 255)
}

/** The same "random" bytes at every run: for byte-identity only. */
export function repeatable(): (length: number) => Uint8Array {
  let next = 1
  return (length) => new Uint8Array(length).fill(next++)
}

export function sealWhole(
  bytes: Uint8Array,
  keys: readonly PublicKey[] = [first.publicKey],
  backend: NaclBackend = sodiumBackend,
): Promise<Uint8Array> {
  return collect(seal(cut(bytes, [65536]), keys, { backend }))
}

export function openWhole(
  sealed: Uint8Array,
  keys: readonly KeyPair[] = [first],
  backend: NaclBackend = sodiumBackend,
): Promise<Uint8Array> {
  return collect(open(cut(sealed, [65536]), keys, { backend }))
}

/** Where the chunks begin. */
export const headerLength = (keys: number) => 74 + 64 * keys

/** The reason of the refusal, or `opened`; what came out before it must be an honest beginning. */
export async function reasonOf(
  sealed: Uint8Array,
  keys: readonly KeyPair[] = [first],
  original: Uint8Array = new Uint8Array(0),
): Promise<string> {
  let seen = 0
  try {
    for await (const piece of open(cut(sealed, [60_000]), keys)) {
      expect(Buffer.compare(piece, original.subarray(seen, seen + piece.length))).toBe(0)
      seen += piece.length
    }
  } catch (error) {
    if (error instanceof EnvelopeError) return error.reason
    throw error
  }
  return 'opened'
}
