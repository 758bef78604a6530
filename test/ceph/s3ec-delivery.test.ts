/**
 * Mail that the whole Postern seals for Amazon's S3 Encryption Clients and stores in Ceph: opened by
 * Amazon's client for Ruby and by our SDK. KMS is played by test/support/kms.ts.
 */
import { execFile, execFileSync } from 'node:child_process'
import { createHash, generateKeyPairSync, randomBytes } from 'node:crypto'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { KMSClient } from '@aws-sdk/client-kms'
import { GetObjectCommand } from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import * as sdk from '../../src/client/index.ts'
import { cephClient, newBucket } from '../support/ceph.ts'
import { type RunningKms, startKms } from '../support/kms.ts'
import { messageOf } from '../support/load.ts'
import { type RunningPostern, startPostern, stopAll } from '../support/postern.ts'
import { byRuby, type RubyTask } from '../support/ruby.ts'
import { SmtpClient } from '../support/smtp-client.ts'

const ceph = inject('ceph')
const client = cephClient(ceph)
const directory = mkdtempSync(join(tmpdir(), 'postern-s3ec-'))
const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 3072 })
const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
const secret = randomBytes(32)

let kms: RunningKms
let kmsClient: KMSClient
let bucket: string
let postern: RunningPostern
let mailbox: sdk.Mailbox
/** What a rule calls a key: any ARN, which the configuration maps. */
const arnOf = (name: string) => `arn:aws:kms:eu-west-1:123456789012:key/${name}`

beforeAll(async () => {
  kms = await startKms()
  kmsClient = new KMSClient({ endpoint: kms.endpoint, region: kms.region, credentials: kms })
  bucket = await newBucket(client)
  const [pub, aes] = [join(directory, 'ops.pem'), join(directory, 'shared.key')]
  writeFileSync(pub, publicKey.export({ type: 'spki', format: 'pem' }))
  writeFileSync(aes, secret, { mode: 0o600 })
  const { arn, endpoint, accessKeyId, secretAccessKey } = kms
  const atKms = { endpoint, accessKeyId, secretAccessKey }
  const keys = {
    rsa: { type: 'rsa', publicKey: pub, format: 'v2' },
    aes: { type: 'aes', keyFile: aes, format: 'v2' },
    kms: { type: 'kms', arn, ...atKms, format: 'v2' },
    newest: { type: 'rsa', publicKey: pub },
    'newest-kms': { type: 'kms', arn, ...atKms, context: { team: 'mail' } },
  }
  const names = Object.keys(keys)
  const Actions = names.map((name) => ({
    S3Action: { BucketName: bucket, ObjectKeyPrefix: name, KmsKeyArn: arnOf(name) },
  }))
  postern = await startPostern({
    config: {
      store: { type: 's3', forcePathStyle: true, ...ceph },
      keys,
      encryption: { default: 'key/rsa' },
      resources: { keys: Object.fromEntries(names.map((name) => [arnOf(name), name])) },
    },
    rules: {
      Metadata: { Name: 'default' },
      Rules: [{ Name: 'all', Enabled: true, ScanEnabled: true, Actions }],
    },
  })
  mailbox = sdk.openMailbox({
    store: sdk.s3Store({ client, bucket }),
    keys: [sdk.rsaKey(pem), sdk.aesKey(secret), sdk.kmsKey(sdk.kmsDecrypt(kmsClient))],
  })
})

afterAll(async () => {
  await stopAll()
  await kms.stop()
  kmsClient.destroy()
  client.destroy()
  rmSync(directory, { recursive: true })
})

async function send(message: Uint8Array): Promise<string> {
  const smtp = await SmtpClient.connect(postern)
  await smtp.hello()
  await smtp.envelope('sender@example.test', 'you@example.test')
  const { code, text } = await smtp.message(message)
  expect(code).toBe(250)
  await smtp.quit()
  return text.slice('OK '.length)
}

const sha256 = (bytes: Uint8Array) => createHash('sha256').update(bytes).digest('hex')

test.each([
  [1000, 'a put'],
  [10 * 1024 * 1024, 'an upload in parts'],
])('mail of %i octets, %s, is opened by the SDK and by Ruby', async (size) => {
  const message = messageOf(size, size)
  const id = await send(message)
  await postern.delivered()
  const contents: { sha256: string; length: number }[] = []
  for (const name of ['rsa', 'aes', 'kms', 'newest', 'newest-kms']) {
    const { original, prependedBytes, receipt } = await mailbox.get(`${name}/${id}`)
    expect(sha256(original)).toBe(sha256(message))
    expect(receipt.id).toBe(id)
    const whole = Buffer.concat([prependedBytes, original])
    contents.push({ sha256: sha256(whole), length: whole.length })
  }
  // Debian's Ruby client is older than v3.
  const keys = { rsa: { rsa: pem }, aes: { aes: secret.toString('base64') }, kms: { kms: kms.arn } }
  const tasks = Object.entries(keys).map(([name, key]): RubyTask => {
    return { client: 'V2', key, bucket, object: `${name}/${id}` }
  })
  expect(await byRuby({ s3: ceph, kms }, tasks)).toEqual(contents.slice(0, 3))
})

describe('docs/keys.md', () => {
  const root = join(import.meta.dirname, '../..')
  const scripts = { python: 's3ec_open.py', ruby: 's3ec_open.rb' } as const
  const pathOf = (language: keyof typeof scripts) => join(root, 'test/support', scripts[language])

  test('prints the very scripts that are tested here', () => {
    const page = readFileSync(join(root, 'docs/keys.md'), 'utf8')
    for (const language of ['python', 'ruby'] as const) {
      const printed = new RegExp(`\`\`\`${language}\\n(.*?)\`\`\``, 's').exec(page)?.[1]
      expect(printed).toBe(readFileSync(pathOf(language), 'utf8'))
    }
  })

  test('opens mail of v3 and v2 in Python, and of v2 in Ruby', async () => {
    const message = messageOf(100_000, 4)
    const id = await send(message)
    await postern.delivered()
    const keyFile = join(directory, 'ops.key')
    writeFileSync(keyFile, pem, { mode: 0o600 })
    for (const name of ['newest', 'rsa']) {
      const object = await client.send(
        new GetObjectCommand({ Bucket: bucket, Key: `${name}/${id}` }),
      )
      const metadata = join(directory, 'metadata.json')
      writeFileSync(metadata, JSON.stringify(object.Metadata))
      const input = await object.Body?.transformToByteArray()
      const opened = execFileSync('/usr/bin/python3', [pathOf('python'), keyFile, metadata], {
        input,
      })
      expect(sha256(opened.subarray(-message.length))).toBe(sha256(message))
    }
    const env = {
      ...process.env,
      S3_ENDPOINT: ceph.endpoint,
      AWS_ACCESS_KEY_ID: ceph.accessKeyId,
      AWS_SECRET_ACCESS_KEY: ceph.secretAccessKey,
    }
    const ruby = await promisify(execFile)('ruby', [pathOf('ruby'), keyFile, bucket, `rsa/${id}`], {
      env,
      encoding: 'buffer',
      maxBuffer: 1 << 24,
    })
    expect(sha256(ruby.stdout.subarray(-message.length))).toBe(sha256(message))
  })
})

test('KMS is asked for one data key for each object, in its context, and never to decrypt', async () => {
  const before = kms.calls.length
  await send(messageOf(1000, 2))
  await postern.delivered()
  const asked = kms.calls.slice(before)
  const call = (context: object) => ({ operation: 'GenerateDataKey', keyId: kms.arn, context })
  const [v2, v3] = [{ 'aws:x-amz-cek-alg': 'AES/GCM/NoPadding' }, { 'aws:x-amz-cek-alg': '115' }]
  expect(asked).toHaveLength(2)
  expect(asked).toEqual(expect.arrayContaining([call(v2), call({ team: 'mail', ...v3 })]))
})

test('mail is accepted and kept while KMS gives no data keys, and stored when it does', async () => {
  kms.fail('denied')
  const message = messageOf(1000, 3)
  const id = await send(message)
  const failed = await postern.logged(({ msg }) => msg.startsWith('Action failed'))
  expect(failed).toMatchObject({ id, reason: expect.stringContaining(kms.arn) })
  expect(postern.spooled()).toEqual([id])
  kms.mend()
  await postern.delivered()
  expect(sha256((await mailbox.get(`kms/${id}`)).original)).toBe(sha256(message))
})
