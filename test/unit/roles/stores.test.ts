/** From names in rules to buckets: what is mapped, and what is not. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { loadConfig } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/options.ts'
import { bucketPlace } from '../../../src/roles/buckets.ts'
import { bucketOpener } from '../../../src/roles/stores.ts'
import { scratch } from '../spool/support.ts'

function configOf(written: Record<string, unknown>): Config {
  const directory = scratch()
  const file = join(directory, 'postern.yaml')
  writeFileSync(file, stringify(written), { mode: 0o600 })
  return loadConfig({ file, env: {}, cwd: directory })
}

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

  test('is opened once, however often it is asked for', async () => {
    const open = await bucketOpener(configOf({}))
    expect(open('inbox')).toBe(open('inbox'))
    expect(open('inbox')).not.toBe(open('outbox'))
  })
})
