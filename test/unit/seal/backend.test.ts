/** Both NaCl backends do the same, byte for byte, refusals included; which one runs is only speed. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { chooseBackend, fastestBackend } from '../../../src/seal/backend.ts'
import { open, seal } from '../../../src/seal/envelope.ts'
import { tweetnaclBackend } from '../../../src/seal/nacl.ts'
import { loadSodium } from '../../../src/seal/sodium.ts'
import {
  backends,
  collect,
  cut,
  first,
  keyPairs,
  message,
  publicKeys,
  repeatable,
  sodiumBackend,
} from './support.ts'

const sizes = [0, 1, 15, 16, 17, 4096, 65535, 65536, 65537, 131072, 200000]

test.for(sizes)(
  '%i bytes are sealed to the same bytes by both, given the same randomness',
  async (size) => {
    const sealBy = (backend: typeof sodiumBackend) =>
      collect(seal(cut(message(size), [5000]), publicKeys, { backend, random: repeatable() }))
    const [bySodium, byTweetnacl] = [await sealBy(sodiumBackend), await sealBy(tweetnaclBackend)]
    expect(Buffer.compare(bySodium, byTweetnacl)).toBe(0)
    for (const backend of backends) {
      const plain = await collect(open(cut(bySodium, [70000]), keyPairs.slice(2), { backend }))
      expect(Buffer.compare(plain, message(size))).toBe(0)
    }
  },
)

/** RFC 7748 §6.1: points whose product with every secret key is zero. */
const smallOrder = [
  // the point, hexadecimal, why it is one
  ['00'.repeat(32), 'zero'],
  [`01${'00'.repeat(31)}`, 'one'],
  ['e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800', 'order 8'],
  [`ec${'ff'.repeat(30)}7f`, 'p - 1'],
] as const

describe.for(backends.map((backend) => [backend.name, backend] as const))('%s', ([, backend]) => {
  const nonce = new Uint8Array(24)

  test.for(smallOrder)('refuses to seal to, or open from, the point %s (%s)', async ([hex]) => {
    const point = Buffer.from(hex, 'hex')
    expect(backend.box(message(32), nonce, point, first.secretKey)).toBeUndefined()
    expect(backend.boxOpen(message(48), nonce, point, first.secretKey)).toBeUndefined()
    await expect(collect(seal(cut(message(1), [1]), [point], { backend }))).rejects.toMatchObject({
      reason: 'weak-public-key',
    })
  })

  test('refuses a box and a secretbox that were altered', () => {
    const box = backend.box(message(32), nonce, first.publicKey, first.secretKey) ?? nonce
    const secretbox = new Uint8Array(56)
    backend.secretbox(secretbox, message(40), nonce, first.secretKey)
    for (const bytes of [box, secretbox]) bytes[20] = (bytes[20] ?? 0) ^ 1
    expect(backend.boxOpen(box, nonce, first.publicKey, first.secretKey)).toBeUndefined()
    expect(backend.secretboxOpen(secretbox, nonce, first.secretKey)).toBeUndefined()
  })

  test('gives random bytes of the length asked for, other ones each time', () => {
    expect(backend.random(32)).toHaveLength(32)
    expect(backend.random(32)).not.toEqual(backend.random(32))
  })

  test('computes SHA-512 as FIPS 180-4 has it for "abc"', () => {
    const digest = Buffer.from(backend.hash(Buffer.from('abc'))).toString('hex')
    expect(digest).toMatch(/^ddaf35a193617aba.*2a9ac94fa54ca49f$/)
  })

  test('compares whole arrays', () => {
    expect(backend.equal(message(32), message(32))).toBe(true)
    expect(backend.equal(message(32), new Uint8Array(32))).toBe(false)
  })
})

test('sodium-native is picked where it loads', () => {
  expect(chooseBackend()).toMatchObject({ reason: 'sodium-native is installed' })
  expect(fastestBackend().name).toBe('sodium-native')
})

test('where sodium-native does not load, there is no fast backend and the reason is said', () => {
  const loaded = loadSodium(() => {
    throw new Error("Cannot find module 'sodium-native'")
  })
  expect(loaded.backend).toBeUndefined()
  expect(loaded.reason).toBe("sodium-native does not load: Cannot find module 'sodium-native'")
})

test('a fault of sodium-native that is no refusal is thrown, not taken for one', () => {
  const { backend } = loadSodium(() => ({
    crypto_box_easy() {
      throw new Error('out of memory')
    },
  }))
  expect(() => backend?.box(message(1), message(24), message(32), message(32))).toThrow(
    'out of mem',
  )
})

test('a browser has no `process`: tweetnacl serves there, and no file here imports a Node module', () => {
  const { process } = globalThis
  try {
    Reflect.deleteProperty(globalThis, 'process')
    expect(loadSodium()).toMatchObject({ backend: undefined })
  } finally {
    globalThis.process = process
  }
  const folder = join(import.meta.dirname, '../../../src/seal')
  const imported = globSync('*.ts', { cwd: folder }).flatMap((file) => [
    ...readFileSync(join(folder, file), 'utf8').matchAll(/\bfrom '([^.'][^']*)'/g),
  ])
  expect(imported.map((match) => match[1])).toEqual(['tweetnacl'])
})
