/** The double of AWS KMS, asked by Amazon's own client: what stands on it stands on KMS's behaviour. */
import {
  DecryptCommand,
  EncryptCommand,
  GenerateDataKeyCommand,
  KMSClient,
  type KMSClientConfig,
} from '@aws-sdk/client-kms'
import { afterAll, beforeAll, beforeEach, describe, expect, test } from 'vitest'
import { type KmsFailure, type RunningKms, startKms } from '../../support/kms.ts'

let kms: RunningKms
let client: KMSClient

function clientOf(config: KMSClientConfig = {}): KMSClient {
  const { endpoint, region, accessKeyId, secretAccessKey } = kms
  const credentials = { accessKeyId, secretAccessKey }
  return new KMSClient({ endpoint, region, credentials, maxAttempts: 1, ...config })
}

beforeAll(async () => {
  kms = await startKms()
  client = clientOf()
})
beforeEach(() => kms.mend())
afterAll(async () => {
  client.destroy()
  await kms.stop()
})

const context = { 'aws:x-amz-cek-alg': 'AES/GCM/NoPadding', team: 'mail' }

async function dataKey(KeyId = kms.arn, EncryptionContext: Record<string, string> = context) {
  const command = new GenerateDataKeyCommand({ KeyId, KeySpec: 'AES_256', EncryptionContext })
  const { Plaintext = new Uint8Array(), CiphertextBlob = new Uint8Array() } =
    await client.send(command)
  return { plaintext: Plaintext, blob: CiphertextBlob }
}

describe('a data key', () => {
  test('has 32 octets, and its ciphertext the length and the beginning of a real one', async () => {
    const { plaintext, blob } = await dataKey()
    expect(plaintext).toHaveLength(32)
    expect(blob).toHaveLength(184)
    expect(Buffer.from(blob).toString('base64')).toMatch(/^AQIDAH/)
  })

  test('is another each time', async () => {
    const [one, two] = [await dataKey(), await dataKey()]
    expect(one.plaintext).not.toEqual(two.plaintext)
    expect(one.blob).not.toEqual(two.blob)
  })

  test('comes back for its context, in any order, with or without the name of the key', async () => {
    const { plaintext, blob } = await dataKey()
    const EncryptionContext = Object.fromEntries(Object.entries(context).reverse())
    for (const KeyId of [undefined, kms.arn, kms.arn.split('/')[1], 'alias/postern']) {
      const command = new DecryptCommand({ KeyId, CiphertextBlob: blob, EncryptionContext })
      expect(await client.send(command)).toMatchObject({ Plaintext: plaintext, KeyId: kms.arn })
    }
  })
})

test('Encrypt and Decrypt are each other’s reverse', async () => {
  const EncryptionContext = context
  const Plaintext = Buffer.from('a data key that somebody else made')
  const command = new EncryptCommand({ KeyId: kms.arn, Plaintext, EncryptionContext })
  const { CiphertextBlob } = await client.send(command)
  const opened = await client.send(new DecryptCommand({ CiphertextBlob, EncryptionContext }))
  expect(Buffer.from(opened.Plaintext ?? [])).toEqual(Plaintext)
})

describe('a refusal of Decrypt', () => {
  const flipped = (blob: Uint8Array, at: number) =>
    blob.map((octet, index) => (index === (at + blob.length) % blob.length ? octet ^ 1 : octet))
  test.each([
    ['another context', { EncryptionContext: { team: 'mail' } }, 'InvalidCiphertextException'],
    [
      'a longer context',
      { EncryptionContext: { ...context, a: 'b' } },
      'InvalidCiphertextException',
    ],
    ['no context', { EncryptionContext: undefined }, 'InvalidCiphertextException'],
    ['another key', () => ({ KeyId: kms.otherArn }), 'IncorrectKeyException'],
    ['an unknown key', () => ({ KeyId: `${kms.arn}0` }), 'NotFoundException'],
    [
      'a changed first octet',
      (blob: Uint8Array) => ({ CiphertextBlob: flipped(blob, 0) }),
      'InvalidCiphertextException',
    ],
    [
      'a changed octet of the middle',
      (blob: Uint8Array) => ({ CiphertextBlob: flipped(blob, 90) }),
      'InvalidCiphertextException',
    ],
    [
      'a changed last octet',
      (blob: Uint8Array) => ({ CiphertextBlob: flipped(blob, -1) }),
      'InvalidCiphertextException',
    ],
    [
      'a cut ciphertext',
      (blob: Uint8Array) => ({ CiphertextBlob: blob.subarray(0, 60) }),
      'InvalidCiphertextException',
    ],
  ] as const)('for %s', async (_, change, name) => {
    const { blob } = await dataKey()
    const input = { CiphertextBlob: blob, EncryptionContext: context }
    const changed = typeof change === 'function' ? change(blob) : change
    const command = new DecryptCommand({ ...input, ...changed })
    await expect(client.send(command)).rejects.toMatchObject({ name })
  })
})

describe('a request is refused', () => {
  test('that names a key nobody has', async () => {
    await expect(dataKey('alias/nobody')).rejects.toMatchObject({
      name: 'NotFoundException',
      message: "Key 'alias/nobody' does not exist",
    })
  })

  test.each([
    [
      'signed by somebody unknown',
      { credentials: { accessKeyId: 'x', secretAccessKey: 'y' } },
      'UnrecognizedClientException',
    ],
    ['signed for another region', { region: 'eu-west-1' }, 'SignatureDoesNotMatch'],
  ])('that is %s', async (_, config, name) => {
    const other = clientOf(config)
    const command = new GenerateDataKeyCommand({ KeyId: kms.arn, KeySpec: 'AES_256' })
    await expect(other.send(command)).rejects.toMatchObject({ name })
    other.destroy()
  })
})

describe('a failure that is switched on', () => {
  test.each<[KmsFailure, string, number]>([
    ['throttled', 'ThrottlingException', 400],
    ['internal', 'KMSInternalException', 500],
    ['denied', 'AccessDeniedException', 400],
    ['disabled', 'DisabledException', 400],
  ])('%s is what KMS calls %s', async (how, name, httpStatusCode) => {
    kms.fail(how, 1)
    await expect(dataKey()).rejects.toMatchObject({ name, $metadata: { httpStatusCode } })
    expect((await dataKey()).plaintext).toHaveLength(32)
  })

  test('passes without notice where the client tries again', async () => {
    kms.fail('throttled', 1)
    const patient = clientOf({ maxAttempts: 2 })
    const command = new GenerateDataKeyCommand({ KeyId: kms.arn, KeySpec: 'AES_256' })
    expect((await patient.send(command)).Plaintext).toHaveLength(32)
    patient.destroy()
  })

  test('can be that no answer comes', async () => {
    kms.fail('hanging')
    const before = kms.calls.length
    const abort = new AbortController()
    const command = new GenerateDataKeyCommand({ KeyId: kms.arn, KeySpec: 'AES_256' })
    const asked = client.send(command, { abortSignal: abort.signal })
    await expect.poll(() => kms.calls.length).toBe(before + 1)
    abort.abort()
    await expect(asked).rejects.toMatchObject({ name: 'AbortError' })
  })
})

test('every call is counted with its key and its context', async () => {
  const before = kms.calls.length
  const { blob } = await dataKey()
  kms.fail('denied', 1)
  await expect(client.send(new DecryptCommand({ CiphertextBlob: blob }))).rejects.toThrow()
  expect(kms.calls.slice(before)).toEqual([
    { operation: 'GenerateDataKey', keyId: kms.arn, context },
    { operation: 'Decrypt', keyId: undefined, context: {} },
  ])
})
