/** The one-line text forms of keys: what goes in comes out, and no kind passes for the other. */
import { expect, test } from 'vitest'
import { UserError } from '../../../src/errors.ts'
import {
  formatPublicKey,
  formatSecretKey,
  keyPairOf,
  newKeyPair,
  parsePublicKey,
  parseSecretKey,
} from '../../../src/seal/keys.ts'

const pair = keyPairOf(new Uint8Array(32).fill(9))
const publicBase64 = Buffer.from(pair.publicKey).toString('base64')
const secretBase64 = Buffer.from(pair.secretKey).toString('base64')

function refusalOf(parse: () => unknown): string {
  try {
    parse()
  } catch (error) {
    expect(error).toBeInstanceOf(UserError)
    return String(error)
  }
  return 'not refused'
}

test('a public key is one line that names its kind', () => {
  expect(formatPublicKey(pair.publicKey)).toBe(`postern-nacl-public-key ${publicBase64}\n`)
})

test('a secret key is one line that names its kind', () => {
  expect(formatSecretKey(pair.secretKey)).toBe(`postern-nacl-secret-key ${secretBase64}\n`)
})

const spellings = [
  // text, why
  [formatPublicKey(pair.publicKey), 'as it is written'],
  [`  postern-nacl-public-key\t${publicBase64}\r\n`, 'white space and line ends are nothing'],
  [publicBase64, 'bare base64, as the configuration shows it'],
] as const
test.for(spellings)('%j is the public key: %s', ([text]) => {
  expect(Buffer.from(parsePublicKey(text)).toString('base64')).toBe(publicBase64)
})

test('the text of a secret key gives the whole key pair', () => {
  expect(parseSecretKey(formatSecretKey(pair.secretKey))).toEqual(pair)
})

test('new key pairs differ, and their text forms belong together', () => {
  const [one, two] = [newKeyPair(), newKeyPair()]
  expect(one.secretKey).not.toEqual(two.secretKey)
  expect(parseSecretKey(formatSecretKey(one.secretKey)).publicKey).toEqual(
    parsePublicKey(formatPublicKey(one.publicKey)),
  )
})

test('who configures the secret key as the public one is told so', () => {
  expect(refusalOf(() => parsePublicKey(formatSecretKey(pair.secretKey)))).toContain(
    'This is a secret key where a public one belongs',
  )
})

test('who opens with the public key is told so', () => {
  expect(refusalOf(() => parseSecretKey(formatPublicKey(pair.publicKey)))).toContain(
    'This is a public key where a secret one belongs',
  )
})

const broken = [
  // text in place of a key, why it is none
  ['', 'empty'],
  ['postern-nacl-public-key', 'the label alone'],
  [`postern-nacl-public-key ${publicBase64} ${publicBase64}`, 'two keys'],
  [`postern-rsa-public-key ${publicBase64}`, 'another label'],
  [publicBase64.slice(0, -4), 'too short'],
  [`AAAA${publicBase64}`, 'too long'],
  [publicBase64.replace('=', ''), 'no padding'],
  [`${publicBase64.slice(0, 42)}_=`, 'not the base64 alphabet'],
  [`${'A'.repeat(42)}B=`, 'bits set that no byte takes'],
] as const
test.for(broken)('%j is refused as a public key: %s', ([text]) => {
  expect(refusalOf(() => parsePublicKey(text))).toContain('This is not a NaCl public key')
})

test('a public key of small order is refused before anything is sealed to it', () => {
  const zero = Buffer.alloc(32).toString('base64')
  expect(refusalOf(() => parsePublicKey(zero))).toContain('worthless')
})

test('bare base64 is refused as a secret key, it may be the public one', () => {
  expect(refusalOf(() => parseSecretKey(secretBase64))).toContain('This is not a NaCl secret key')
})

test('no refusal shows any part of a secret key', () => {
  const texts = [
    formatSecretKey(pair.secretKey),
    secretBase64,
    `postern-nacl-secret-key ${secretBase64}x`,
    `postern-nacl-secret-kye ${secretBase64}`,
  ]
  for (const text of texts) {
    for (const parse of [parsePublicKey, parseSecretKey]) {
      const refusal = refusalOf(() => parse(text))
      expect(refusal).not.toContain(secretBase64.slice(4, 12))
    }
  }
})

test('a secret key of another length is refused', () => {
  expect(refusalOf(() => keyPairOf(new Uint8Array(31)))).toContain('exactly 32 bytes')
})
