/**
 * Amazon's S3 Encryption Clients for Ruby, as Debian has them, and Postern on one real store, Ceph: each
 * opens what the other sealed, and both refuse what was altered. KMS is played by test/support/kms.ts, to
 * both of them over the wire. Ruby of that age knows no v3: test/vectors hold us to that.
 */
import { generateKeyPairSync, randomBytes } from 'node:crypto'
import { KMSClient } from '@aws-sdk/client-kms'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import * as sdk from '../../src/client/index.ts'
import { kmsDataKeys } from '../../src/roles/kms.ts'
import { type SealingKey, s3ecLength, sealS3ec } from '../../src/seal/s3ec/seal.ts'
import { s3ObjectStore } from '../../src/store/s3.ts'
import * as of from '../conformance/content.ts'
import { damages, type Stored } from '../support/altered.ts'
import { cephClient, newBucket } from '../support/ceph.ts'
import { type RunningKms, startKms } from '../support/kms.ts'
import { byRuby, type RubyResult, type RubyTask } from '../support/ruby.ts'

const ceph = inject('ceph')
const client = cephClient(ceph)
const MiB = 1024 * 1024

const kinds = ['rsa', 'aes', 'kms'] as const
type Kind = (typeof kinds)[number]
/** Above 8 MiB an object is put in parts; 40 MiB is the largest message of the default configuration. */
const large = { rsa: [18 * MiB, 40 * MiB], aes: [], kms: [] }
const small = [0, 1, 186, 65_536, 3 * MiB]
const sizes = (kind: Kind) => [...small, 8 * MiB + 1, ...large[kind]]
const rows = (sizesOf: (kind: Kind) => readonly number[]) =>
  kinds.flatMap((kind) => sizesOf(kind).map((size) => [kind, size] as const))
const all = rows(sizes)
const fewer = rows(() => small)

let kms: RunningKms
let bucket: string
let store: ReturnType<typeof s3ObjectStore>
let seals: Readonly<Record<Kind, SealingKey>>
let opens: Readonly<Record<Kind, sdk.MailKey>>
let kmsClient: KMSClient
/** What Ruby said to each task, by a name of the task's own. */
const said = new Map<string, RubyResult>()

const sealedName = (kind: Kind, size: number) => `sealed/${kind}-${size}`
const damagedName = (kind: Kind, damage: string) => `damaged/${kind}/${damage}`
const rubyName = (client: string, kind: Kind, size: number, beside = '') =>
  `ruby/${client}-${kind}-${size}${beside}`

beforeAll(async () => {
  kms = await startKms()
  bucket = await newBucket(client)
  store = s3ObjectStore({ client, bucket })
  const { publicKey, privateKey } = generateKeyPairSync('rsa', { modulusLength: 2048 })
  const pem = privateKey.export({ type: 'pkcs8', format: 'pem' }).toString()
  const secret = randomBytes(32)
  const { generateDataKey } = kmsDataKeys({ ...kms, type: 'kms', format: 'v2', context: {} })
  kmsClient = new KMSClient({ endpoint: kms.endpoint, region: kms.region, credentials: kms })
  const written = { version: 'v2', context: {} } as const
  seals = {
    rsa: { ...written, type: 'rsa', publicKey },
    aes: { ...written, type: 'aes', secret },
    kms: { ...written, type: 'kms', generateDataKey },
  }
  opens = {
    rsa: sdk.rsaKey(pem),
    aes: sdk.aesKey(secret),
    kms: sdk.kmsKey(sdk.kmsDecrypt(kmsClient)),
  }
  const keys = { rsa: { rsa: pem }, aes: { aes: secret.toString('base64') }, kms: { kms: kms.arn } }
  const tasks = new Map<string, RubyTask>()
  const ask = (name: string, task: Omit<RubyTask, 'bucket' | 'key'> & { kind: Kind }) =>
    tasks.set(name, { ...task, bucket, key: keys[task.kind] })
  for (const kind of kinds) {
    for (const size of sizes(kind)) {
      const object = sealedName(kind, size)
      await sealed(object, size, seals[kind])
      ask(`V2 ${object}`, { client: 'V2', kind, object })
      if (small.includes(size)) ask(`V1 ${object}`, { client: 'V1', kind, object })
    }
    const [one, other] = [
      await stored(sealedName(kind, 186)),
      await stored(sealedName(kind, 65_536)),
    ]
    for (const [damage, damaged] of Object.entries(damages)) {
      const object = damagedName(kind, damage)
      await put(object, { ...one, ...damaged(one, other) })
      ask(object, { client: 'V2', kind, object })
    }
    for (const version of ['V1', 'V2'] as const) {
      for (const size of small) {
        const object = rubyName(version, kind, size)
        ask(object, { client: version, kind, object, size })
        const beside = rubyName(version, kind, size, '-beside')
        ask(beside, { client: version, kind, object: beside, size, instruction: true })
      }
    }
  }
  await sealed('sealed/context', 186, { ...seals.kms, context: { team: 'mail' } })
  const inContext = { client: 'V2', kind: 'kms', object: 'sealed/context' } as const
  ask('its context', { ...inContext, context: { team: 'mail' } })
  ask('no context', inContext)
  ask('another context', { ...inContext, context: { team: 'post' } })
  const results = await byRuby({ s3: ceph, kms }, [...tasks.values()])
  for (const [index, name] of [...tasks.keys()].entries()) said.set(name, results[index] ?? {})
}, 180_000)

afterAll(async () => {
  client.destroy()
  kmsClient.destroy()
  await kms.stop()
})

async function sealed(object: string, size: number, key: SealingKey): Promise<void> {
  const { body, metadata } = await sealS3ec(of.content(size, 1), key, { length: size })
  await store.put(object, body, of.described(s3ecLength(size), { 'postern-id': 'm1', ...metadata }))
}

async function put(object: string, { body, metadata }: Stored): Promise<void> {
  await store.put(object, of.chunks(body), of.described(body.length, metadata))
}

async function stored(object: string): Promise<Stored> {
  const found = await store.get(object)
  if (found === undefined) throw new Error(`there is no object ${object}`)
  return { body: Buffer.concat(await of.all(found.body)), metadata: found.info.metadata }
}

const seen = async (content: AsyncIterable<Uint8Array>, length: number) => ({
  sha256: await of.digestOf(content),
  length,
})
const expected = (size: number) => seen(of.content(size, 1), size)

describe('what is sealed in v2', () => {
  test.each(all)('to the key %s, %i octets, is opened by Ruby', async (kind, size) => {
    expect(said.get(`V2 ${sealedName(kind, size)}`)).toEqual(await expected(size))
  })

  test.each(fewer)('to the key %s, %i octets, is opened by Ruby’s V1', async (kind, size) => {
    expect(said.get(`V1 ${sealedName(kind, size)}`)).toEqual(await expected(size))
  })

  test.each(all)('to the key %s, %i octets, is opened by us', async (kind, size) => {
    const object = await stored(sealedName(kind, size))
    const content = await sdk.openObject(object, { keys: [opens[kind]] })
    expect(await seen(of.chunks(content), content.length)).toEqual(await expected(size))
  })

  test('in an encryption context is opened by Ruby in that context only', async () => {
    expect(said.get('its context')).toEqual(await expected(186))
    const refused = { error: 'Aws::S3::EncryptionV2::Errors::DecryptionError' }
    expect(said.get('no context')).toMatchObject(refused)
    expect(said.get('another context')).toMatchObject(refused)
  })
})

describe.each(kinds)('what was sealed to the key %s and then altered is refused', (kind) => {
  test.each(Object.keys(damages))('with %s', async (damage) => {
    const object = await stored(damagedName(kind, damage))
    const opened = sdk.openObject(object, { keys: [opens[kind]] })
    await expect(opened).rejects.toMatchObject({ reason: 'tampered' })
    expect(said.get(damagedName(kind, damage))).toMatchObject({
      error: 'OpenSSL::Cipher::CipherError',
    })
  })
})

describe.each(['V1', 'V2'] as const)('what Ruby’s %s sealed', (version) => {
  const legacy = version === 'V1'

  test.each(fewer)('to the key %s, %i octets, is opened by us', async (kind, size) => {
    const object = rubyName(version, kind, size)
    const content = await sdk.openObject(await stored(object), { keys: [opens[kind]], legacy })
    expect(await seen(of.chunks(content), content.length)).toEqual(said.get(object))
  })

  test.each(fewer)(
    'to the key %s, %i octets, key beside it, is opened by us',
    async (kind, size) => {
      const object = rubyName(version, kind, size, '-beside')
      const { body: instruction } = await stored(`${object}.instruction`)
      const found = { ...(await stored(object)), instruction }
      const content = await sdk.openObject(found, { keys: [opens[kind]], legacy })
      expect(await seen(of.chunks(content), content.length)).toEqual(said.get(object))
    },
  )
})

test.each(kinds)(
  'what Ruby’s V1 sealed to the key %s is refused unless it is asked for',
  async (kind) => {
    const opened = sdk.openObject(await stored(rubyName('V1', kind, 186)), { keys: [opens[kind]] })
    await expect(opened).rejects.toMatchObject({ reason: 'legacy-format' })
  },
)
