/** From the key a rule names to what seals: what is mapped, what is not, and that plaintext is never a default. */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { aesKey, type MailKey, naclKey, openObject, rsaKey } from '../../../src/client/index.ts'
import { loadConfig } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/options.ts'
import { sealerFinder } from '../../../src/roles/sealers.ts'
import { formatPublicKey, newKeyPair } from '../../../src/seal/keys.ts'
import { scratch } from '../spool/support.ts'

const arn = 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555'
const action = { BucketName: 'inbox' }
const rsa = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const aes = randomBytes(32)
const pairs = { main: newKeyPair(), other: newKeyPair() }
const readers = {
  main: naclKey(pairs.main.secretKey),
  other: naclKey(pairs.other.secretKey),
  ops: rsaKey(rsa.privateKey),
  box: aesKey(aes),
} as const

function configOf(written: Record<string, unknown>): Config {
  const directory = scratch()
  const file = join(directory, 'postern.yaml')
  writeFileSync(file, stringify(written), { mode: 0o600 })
  writeFileSync(join(directory, 'ops.pem'), rsa.publicKey)
  writeFileSync(join(directory, 'box.aes'), aes, { mode: 0o600 })
  const config = loadConfig({ file, env: {}, cwd: directory })
  mkdirSync(join(config.dataDir, 'keys'), { recursive: true })
  writeFileSync(join(config.dataDir, 'keys/main.pub'), formatPublicKey(pairs.main.publicKey))
  return config
}

const other = { type: 'nacl', publicKey: Buffer.from(pairs.other.publicKey).toString('base64') }
const ops = { type: 'rsa', publicKey: './ops.pem' }
const box = { type: 'aes', keyFile: './box.aes', format: 'v2' }

/** Which of the keys open what is sealed, or `none` for plaintext. */
async function openedBy(config: Config, KmsKeyArn: string | undefined) {
  const { sealer } = sealerFinder(config)
  const seal = sealer(KmsKeyArn === undefined ? action : { ...action, KmsKeyArn })
  if (seal === 'none') return 'none'
  const plaintext = Buffer.from('From: a@example.test\r\n\r\nbody\r\n')
  const sealed = await seal(
    (async function* () {
      yield plaintext
    })(),
    plaintext.length,
  )
  const body = Buffer.concat(await Array.fromAsync(sealed.body))
  expect(body.length).toBe(sealed.length)
  const opens = async (reader: MailKey): Promise<boolean> => {
    const opening = openObject({ body, metadata: sealed.metadata }, { keys: [reader] })
    return opening.then(
      (bytes) => Buffer.from(bytes).equals(plaintext),
      () => false,
    )
  }
  const names = await Promise.all(
    Object.entries(readers).map(async ([name, reader]) => ((await opens(reader)) ? [name] : [])),
  )
  return names.flat().join(' ')
}

describe('the key of an S3 action', () => {
  const mapped = { keys: { [arn]: 'other' } }
  const cases = [
    // why, configuration, KmsKeyArn, who opens it
    ['the pair made on first start', {}, undefined, 'main'],
    ['the default', { keys: { other }, encryption: { default: 'key/other' } }, undefined, 'other'],
    ['a main that is configured', { keys: { main: other } }, undefined, 'other'],
    ['the one the rule names', { keys: { other }, resources: mapped }, arn, 'other'],
    [
      'none, plaintext, where that is written out',
      { encryption: { default: 'none' } },
      undefined,
      'none',
    ],
    [
      'the one the rule names, even where the default is plaintext',
      { keys: { other }, encryption: { default: 'none' }, resources: mapped },
      arn,
      'other',
    ],
    [
      'each of a list, a team',
      { keys: { other }, encryption: { default: ['key/main', 'key/other'] } },
      undefined,
      'main other',
    ],
    [
      'each of the list that the rule names, with an escrow',
      { keys: { other }, resources: { keys: { [arn]: ['other', 'main'] } } },
      arn,
      'main other',
    ],
    ['an RSA key', { keys: { ops }, encryption: { default: 'key/ops' } }, undefined, 'ops'],
    ['an AES key', { keys: { box }, encryption: { default: 'key/box' } }, undefined, 'box'],
  ] as const

  test.for(cases)('is %s', async ([, written, KmsKeyArn, expected]) => {
    expect(await openedBy(configOf(written), KmsKeyArn)).toBe(expected)
  })

  test('that nothing maps is an error, not another key and not plaintext', () => {
    for (const written of [{}, { encryption: { default: 'none' } }]) {
      const { sealer } = sealerFinder(configOf(written))
      expect(() => sealer({ ...action, KmsKeyArn: arn })).toThrow(arn)
    }
  })

  test('is read once', () => {
    const { sealer } = sealerFinder(configOf({}))
    expect(sealer(action)).toBe(sealer(action))
  })
})
