/** Mail in the formats of Amazon's S3 Encryption Clients, through the mailbox: checked whole before any of it is given out. */
import { createPublicKey } from 'node:crypto'
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  aesKey,
  MailboxError,
  openMailbox,
  openMessage,
  readKey,
  rsaKey,
} from '../../../src/client/index.ts'
import { sealingKeys } from '../../../src/seal/s3ec/format.ts'
import { s3ecSealer } from '../../../src/seal/sealer.ts'
import type { ReadableStore } from '../../../src/store/object-store.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { aesSecret, rsaPem, rsaPublicKey } from '../seal/s3ec/support.ts'
import { key, storeMessage, temporaryStore } from './support.ts'

const message = `From: a@example.test\r\nSubject: hello\r\n\r\n${'x'.repeat(200_000)}\r\n`
const seal = {
  v3: s3ecSealer({ type: 'rsa', version: 'v3', context: {}, publicKey: rsaPublicKey }),
  v2: s3ecSealer({ type: 'aes', version: 'v2', context: { team: 'ops' }, secret: aesSecret }),
}
const keys = [key, rsaKey(rsaPem), aesKey(aesSecret)]

async function stored(version: 'v3' | 'v2', text = message) {
  const { store, path } = temporaryStore()
  const objectKey = await storeMessage(store, text, { sealer: seal[version] })
  const sidecar = join(path, `${objectKey}.metadata.json`)
  return { store, path, objectKey, sidecar, content: join(path, objectKey) }
}

describe.for(['v3', 'v2'] as const)('%s', (version) => {
  test('is listed, opened and streamed as an envelope is', async () => {
    const { store, objectKey } = await stored(version)
    const mailbox = openMailbox({ store, keys })
    const [item] = await Array.fromAsync(mailbox.list())
    expect(item?.key).toBe(objectKey)
    const opened = await mailbox.get(objectKey)
    expect(Buffer.from(opened.original).toString('latin1')).toBe(message)
    expect(opened).toMatchObject({ sealed: true, receipt: { id: item?.id } })
    const { original } = await mailbox.stream(objectKey)
    expect(Buffer.concat(await Array.fromAsync(original)).toString('latin1')).toBe(message)
  })

  test('gives out nothing of an object whose last octet was altered', async () => {
    const { store, objectKey, content } = await stored(version)
    const octets = await readFile(content)
    octets[octets.length - 1] = (octets.at(-1) ?? 0) ^ 1
    await writeFile(content, octets)
    const opening = openMailbox({ store, keys }).stream(objectKey)
    await expect(opening).rejects.toMatchObject({ name: 'TamperedError', reason: 'tampered' })
  })

  test('is refused for its size before it is fetched, and opened with more room', async () => {
    const { store, objectKey } = await stored(version, `${message}${'y'.repeat(2_000_000)}`)
    let fetched = 0
    const counting: ReadableStore = {
      ...store,
      async get(name) {
        const object = await store.get(name)
        if (object === undefined) return undefined
        const body = (async function* () {
          for await (const piece of object.body) {
            fetched += piece.length
            yield piece
          }
        })()
        return { ...object, body }
      },
    }
    const mailbox = openMailbox({ store: counting, keys })
    const opening = mailbox.stream(objectKey, { maxBytes: 100_000 })
    await expect(opening).rejects.toMatchObject({ name: 'TooLargeError' })
    expect(fetched).toBeLessThan(200_000)
    const { original } = await mailbox.stream(objectKey, { maxBytes: 3_000_000 })
    expect(Buffer.concat(await Array.fromAsync(original)).length).toBeGreaterThan(2_000_000)
  })

  test('from a store that gives another number of octets than it announced is refused', async () => {
    const { store, objectKey } = await stored(version)
    for (const [difference, name] of [
      [-1, 'TamperedError'],
      [1, 'TruncatedError'],
    ] as const) {
      const lying: ReadableStore = {
        ...store,
        async get(wanted) {
          const object = await store.get(wanted)
          if (object === undefined) return undefined
          return { ...object, info: { ...object.info, size: object.info.size + difference } }
        },
      }
      const opening = openMailbox({ store: lying, keys }).get(objectKey)
      await expect(opening).rejects.toMatchObject({ name })
    }
  })

  test('is opened where its encryption metadata moved into an instruction file', async () => {
    const { store, path, objectKey, sidecar } = await stored(version)
    const description = JSON.parse(await readFile(sidecar, 'utf8'))
    const stays = ['x-amz-c', 'x-amz-d', 'x-amz-i']
    const moved = sealingKeys.filter((name) => description.metadata[name] && !stays.includes(name))
    const instruction = Object.fromEntries(moved.map((name) => [name, description.metadata[name]]))
    for (const name of moved) delete description.metadata[name]
    await writeFile(sidecar, JSON.stringify(description))
    const missing = openMailbox({ store, keys }).get(objectKey)
    await expect(missing).rejects.toBeInstanceOf(MailboxError)
    await writeFile(join(path, `${objectKey}.instruction`), JSON.stringify(instruction))
    const opened = await openMailbox({ store, keys }).get(objectKey)
    expect(Buffer.from(opened.original).toString('latin1')).toBe(message)
    const { metadata } = description
    const body = await readFile(join(path, objectKey))
    const fetched = await openMessage({ body, metadata, instruction }, { keys })
    expect(Buffer.from(fetched.original).toString('latin1')).toBe(message)
    await writeFile(join(path, `${objectKey}.instruction`), 'no JSON')
    await expect(openMailbox({ store, keys }).get(objectKey)).rejects.toMatchObject({
      name: 'BadMetadataError',
    })
  })

  test('in the place of another message is refused', async () => {
    const { store, path, objectKey } = await stored(version)
    const elsewhere = join(path, 'other')
    await writeFile(elsewhere, await readFile(join(path, objectKey)))
    await writeFile(
      `${elsewhere}.metadata.json`,
      await readFile(join(path, `${objectKey}.metadata.json`)),
    )
    const opening = openMailbox({ store, keys }).get('other')
    await expect(opening).rejects.toMatchObject({ name: 'MisplacedError' })
  })
})

test('requireCommitment refuses v2 and opens v3 and envelopes', async () => {
  for (const [version, outcome] of [
    ['v3', 'opened'],
    ['v2', 'NoCommitmentError'],
  ] as const) {
    const { store, objectKey } = await stored(version)
    const opening = openMailbox({ store, keys, requireCommitment: true }).get(objectKey)
    if (outcome === 'opened') await opening
    else await expect(opening).rejects.toMatchObject({ name: outcome })
  }
  const { store } = temporaryStore()
  const envelope = await storeMessage(store, message)
  await openMailbox({ store, keys, requireCommitment: true }).get(envelope)
})

test('keys are read from files: PEM of both kinds, JSON Web Keys, and the octets of an AES key', async () => {
  const { createPrivateKey } = await import('node:crypto')
  const rsa = createPrivateKey(rsaPem)
  const files: readonly (readonly [name: string, content: string | Uint8Array, type: string])[] = [
    ['pkcs8.key', rsaPem, 'rsa'],
    ['pkcs1.key', rsa.export({ type: 'pkcs1', format: 'pem' }).toString(), 'rsa'],
    ['rsa.jwk', JSON.stringify({ ...rsa.export({ format: 'jwk' }), use: 'enc' }), 'rsa'],
    ['aes.key', aesSecret, 'aes'],
    [
      'aes.jwk',
      JSON.stringify({ kty: 'oct', k: Buffer.from(aesSecret).toString('base64url') }),
      'aes',
    ],
  ]
  const directory = temporaryDirectory('client')
  const objects = { rsa: await stored('v3'), aes: await stored('v2') }
  for (const [name, content, type] of files) {
    const path = join(directory, name)
    await writeFile(path, content, { mode: 0o600 })
    const read = await readKey(path)
    expect(read.type).toBe(type)
    const { store, objectKey } = objects[type as 'rsa' | 'aes']
    const opened = await openMailbox({ store, keys: [read] }).get(objectKey)
    expect(Buffer.from(opened.original).toString('latin1')).toBe(message)
  }
})

const rsaPublic = createPublicKey(rsaPem).export({ type: 'spki', format: 'pem' }).toString()
const unusable = [
  ['a public key', rsaPublic, /public key where a private one belongs/],
  [
    'a key with a passphrase',
    '-----BEGIN ENCRYPTED PRIVATE KEY-----\nAAAA\n-----END ENCRYPTED PRIVATE KEY-----\n',
    /passphrase.*openssl pkey/,
  ],
  [
    'a key of another kind',
    '-----BEGIN EC PRIVATE KEY-----\nAAAA\n-----END EC PRIVATE KEY-----\n',
    /not an RSA private key/,
  ],
  ['a JSON Web Key without its secret', '{"kty":"RSA","n":"AA","e":"AQAB"}', /not an RSA private/],
  ['broken JSON', '{"kty":', /not JSON/],
] as const

test.for(unusable)('%s is no key to open mail with', async ([, text, expected]) => {
  const path = join(temporaryDirectory('client'), 'some.key')
  await writeFile(path, text, { mode: 0o600 })
  await expect(readKey(path)).rejects.toThrow(expected)
})
