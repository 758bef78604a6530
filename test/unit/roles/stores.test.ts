/** From names in rules to buckets and keys: what is mapped, what is not, and that plaintext is never a default. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { loadConfig } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/options.ts'
import { bucketOpener, bucketPlace, keyFinder } from '../../../src/roles/stores.ts'
import { formatPublicKey, newKeyPair } from '../../../src/seal/keys.ts'
import { scratch } from '../spool/support.ts'

const arn = 'arn:aws:kms:eu-west-1:123456789012:key/11111111-2222-3333-4444-555555555555'
const action = { BucketName: 'inbox' }
const pairs = { main: newKeyPair(), other: newKeyPair() }

function configOf(written: Record<string, unknown>): Config {
  const directory = scratch()
  const file = join(directory, 'postern.yaml')
  writeFileSync(file, stringify(written), { mode: 0o600 })
  const config = loadConfig({ file, env: {}, cwd: directory })
  mkdirSync(join(config.dataDir, 'keys'), { recursive: true })
  writeFileSync(join(config.dataDir, 'keys/main.pub'), formatPublicKey(pairs.main.publicKey))
  return config
}

const other = { type: 'nacl', publicKey: Buffer.from(pairs.other.publicKey).toString('base64') }

describe('the key of an S3 action', () => {
  const mapped = { keys: { [arn]: 'other' } }
  const cases = [
    // why, configuration, KmsKeyArn, the key
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
  ] as const

  test.for(cases)('is %s', ([, written, KmsKeyArn, expected]) => {
    const found = keyFinder(configOf(written))(KmsKeyArn ? { ...action, KmsKeyArn } : action)
    expect(found).toEqual(expected === 'none' ? 'none' : [pairs[expected].publicKey])
  })

  test('that nothing maps is an error, not another key and not plaintext', () => {
    for (const written of [{}, { encryption: { default: 'none' } }]) {
      expect(() => keyFinder(configOf(written))({ ...action, KmsKeyArn: arn })).toThrow(arn)
    }
  })
})

describe('the place of a bucket', () => {
  const s3 = { type: 's3', endpoint: 'http://s3.example.test', forcePathStyle: true }

  test('is a directory of the default store, where nothing is configured', () => {
    const config = configOf({})
    const path = join(config.dataDir, 'store/inbox')
    expect(bucketPlace(config, 'inbox')).toEqual({ type: 'dir', path })
  })

  test('is a bucket of the default endpoint, where that is S3', () => {
    expect(bucketPlace(configOf({ store: s3 }), 'inbox')).toMatchObject({ ...s3, bucket: 'inbox' })
  })

  test('is what the bucket is mapped to, before either', () => {
    const config = configOf({ resources: { buckets: { inbox: { ...s3, bucket: 'other-name' } } } })
    expect(bucketPlace(config, 'inbox')).toMatchObject({ type: 's3', bucket: 'other-name' })
    expect(bucketPlace(config, 'outbox')).toMatchObject({ type: 'dir' })
  })

  test.for(['toString', 'constructor', '__proto__'])('%s is a bucket like others', (name) => {
    expect(bucketPlace(configOf({}), name)).toMatchObject({ type: 'dir' })
  })

  test('is opened once, however often it is asked for', () => {
    const open = bucketOpener(configOf({}))
    expect(open('inbox')).toBe(open('inbox'))
    expect(open('inbox')).not.toBe(open('outbox'))
  })
})
