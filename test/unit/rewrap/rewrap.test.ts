/** The key of objects is changed: what the old key opened the new one opens, and everything else is as it was. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { kmsKey } from '../../../src/client/index.ts'
import { rewrap, rewrapAll } from '../../../src/rewrap/rewrap.ts'
import type { ObjectStore } from '../../../src/store/object-store.ts'
import { all, described, textBody } from '../../conformance/content.ts'
import {
  aesBoth,
  changeOf,
  index,
  nacl,
  putEnvelope,
  putLegacy,
  putS3ec,
  rsaPair,
  temporaryStore,
  textBy,
} from './support.ts'

const [old, next, team] = [nacl(1), nacl(2), nacl(3)]
const [rsaOld, rsaNew] = [rsaPair(), rsaPair()]
const [aesOld, aesNew] = [aesBoth(4), aesBoth(5)]
const text = 'Subject: x\r\n\r\nhello\r\n'.repeat(10_000)
const octetsAt = (path: string, key: string) => readFile(join(path, key))

test('an envelope is opened by the new key and no more by the old, its metadata is as it was', async () => {
  const { store } = temporaryStore()
  await putEnvelope(store, 'in/m1', text, [old])
  expect(await rewrap(store, 'in/m1', changeOf(old, next))).toEqual({ outcome: 'resealed' })
  expect(await textBy(store, 'in/m1', next)).toBe(text)
  expect(await textBy(store, 'in/m1', old)).toBe('wrong-key')
  const { metadata, contentType } = (await store.head('in/m1')) ?? {}
  expect({ metadata, contentType }).toEqual({
    metadata: index,
    contentType: 'application/octet-stream',
  })
  expect(await rewrap(store, 'in/m1', changeOf(old, next))).toMatchObject({ outcome: 'passed' })
})

test('who else could open an envelope still can', async () => {
  const { store } = temporaryStore()
  await putEnvelope(store, 'm1', text, [team, old])
  expect(await rewrap(store, 'm1', changeOf(old, next))).toMatchObject({ reason: 'unknown-holder' })
  expect(await textBy(store, 'm1', old)).toBe(text)
  const known = new Map([[team.id, team.publicKey]])
  expect(await rewrap(store, 'm1', changeOf(old, next, { known }))).toEqual({ outcome: 'resealed' })
  for (const key of [team, next]) expect(await textBy(store, 'm1', key)).toBe(text)
})

const formats = [
  ['rsa', rsaOld, rsaNew],
  ['aes', aesOld, aesNew],
  ['rsa to aes', rsaOld, aesNew],
] as const
const places = ['metadata', 'instruction'] as const
const sameFormat = formats.flatMap(([name, from, to]) =>
  (['v2', 'v3'] as const).flatMap((version) =>
    places.map((where) => [name, version, where, from, to] as const),
  ),
)
test.for(sameFormat)(
  'the data key of %s, %s, in its %s, is wrapped anew, the content stays',
  async ([, version, where, from, to]) => {
    const { path, store } = temporaryStore()
    await putS3ec(store, 'm1', text, from.seals(version), where)
    const before = await octetsAt(path, 'm1')
    const was = await store.head('m1')
    const change = changeOf(from.opens, to.seals(version))
    expect(await rewrap(store, 'm1', { ...change, dryRun: true })).toEqual({ outcome: 'rewrapped' })
    expect(await store.head('m1')).toEqual(was)
    expect(await rewrap(store, 'm1', change)).toEqual({ outcome: 'rewrapped' })
    expect(await octetsAt(path, 'm1')).toEqual(before)
    expect(await textBy(store, 'm1', to.opens)).toBe(text)
    expect(await textBy(store, 'm1', from.opens)).toBe('wrong-key')
    expect((await store.head('m1'))?.metadata).toMatchObject(index)
    expect(await rewrap(store, 'm1', change)).toMatchObject({ outcome: 'passed' })
    if (where === 'instruction') expect((await store.head('m1'))?.metadata).toEqual(was?.metadata)
  },
)

const otherFormat = [
  ['v2', 'metadata', rsaOld.opens, rsaNew.seals('v3'), rsaNew.opens],
  ['v2', 'instruction', rsaOld.opens, aesNew.seals('v3'), aesNew.opens],
  ['v3', 'instruction', rsaOld.opens, next, next],
  ['v3', 'metadata', rsaOld.opens, next, next],
] as const
test.for(otherFormat)(
  'an object of %s, its data key in its %s, is sealed anew in another format',
  async ([version, where, from, to, opens]) => {
    const { store } = temporaryStore()
    await putS3ec(store, 'm1', text, rsaOld.seals(version), where)
    expect(await rewrap(store, 'm1', changeOf(from, to))).toEqual({ outcome: 'resealed' })
    expect(await textBy(store, 'm1', opens)).toBe(text)
    expect((await store.head('m1'))?.metadata).toMatchObject(index)
  },
)

test('to a KMS key an object is sealed anew: the data keys of KMS are made by KMS', async () => {
  // Stands for AWS KMS: it wraps a data key by turning its octets.
  const turned = (octets: Uint8Array) => new Uint8Array(octets).reverse()
  const dataKey = () => new Uint8Array(32).map((_, at) => at)
  const generateDataKey = async () => ({ dataKey: dataKey(), encryptedKey: turned(dataKey()) })
  const opens = kmsKey(async (encryptedKey) => turned(encryptedKey))
  const { store } = temporaryStore()
  await putS3ec(store, 'm1', text, rsaOld.seals('v3'))
  await putEnvelope(store, 'm2', text, [old])
  const to = { type: 'kms', version: 'v3', context: {}, generateDataKey } as const
  for (const from of [rsaOld.opens, old]) await all(rewrapAll(store, '', changeOf(from, to)))
  for (const key of ['m1', 'm2']) expect(await textBy(store, key, opens)).toBe(text)
})

test('an envelope is sealed anew in the format of the new key, and may lose others only when told to', async () => {
  const { store } = temporaryStore()
  await putEnvelope(store, 'm1', text, [old])
  await putEnvelope(store, 'm2', text, [old, team])
  const change = changeOf(old, rsaNew.seals('v3'))
  expect(await rewrap(store, 'm1', change)).toEqual({ outcome: 'resealed' })
  expect(await rewrap(store, 'm2', change)).toMatchObject({ reason: 'other-holders' })
  expect(await textBy(store, 'm2', team)).toBe(text)
  expect(await rewrap(store, 'm2', { ...change, dropOthers: true })).toEqual({
    outcome: 'resealed',
  })
  for (const key of ['m1', 'm2']) expect(await textBy(store, key, rsaNew.opens)).toBe(text)
})

const others = [
  ['envelope of another key', (store: ObjectStore) => putEnvelope(store, 'm1', text, [team])],
  [
    'object of another RSA key',
    (store: ObjectStore) => putS3ec(store, 'm1', text, rsaNew.seals('v3')),
  ],
  ['object of an AES key', (store: ObjectStore) => putS3ec(store, 'm1', text, aesNew.seals('v2'))],
  [
    'message in plaintext',
    (store: ObjectStore) =>
      store.put('m1', textBody(text), { ...described(text.length), contentType: 'message/rfc822' }),
  ],
  [
    'object of somebody else',
    (store: ObjectStore) => store.put('m1', textBody('{}'), described(2)),
  ],
  ['empty object', (store: ObjectStore) => store.put('m1', textBody(''), described(0))],
] as const
test.for(others)('an %s is passed over as it is', async ([, put]) => {
  const { store } = temporaryStore()
  await put(store)
  const was = await store.head('m1')
  for (const from of [old, rsaOld.opens, aesOld.opens])
    expect(await rewrap(store, 'm1', changeOf(from, next))).toMatchObject({ outcome: 'passed' })
  expect(await store.head('m1')).toEqual(was)
})

/** Where a bit is turned, in an object of some 220 KB. */
const damages = [
  ['the first chunk', (octets: Buffer) => octets.subarray(0, 300), 250],
  ['the last chunk', (octets: Buffer) => octets, -1],
] as const
test.for(damages)('an envelope with %s altered is left, and said to be', async ([, , at]) => {
  const { path, store } = temporaryStore()
  await putEnvelope(store, 'm1', text, [old])
  const octets = await octetsAt(path, 'm1')
  const place = at < 0 ? octets.length + at : at
  octets[place] = (octets[place] ?? 0) ^ 1
  await writeFile(join(path, 'm1'), octets)
  expect(await rewrap(store, 'm1', changeOf(old, next))).toMatchObject({
    outcome: 'left',
    reason: 'tampered',
  })
  expect(await octetsAt(path, 'm1')).toEqual(octets)
})

test('an envelope that is cut at a chunk is left', async () => {
  const { path, store } = temporaryStore()
  await putEnvelope(store, 'm1', text, [old])
  const octets = await octetsAt(path, 'm1')
  await writeFile(join(path, 'm1'), octets.subarray(0, 74 + 64 + 65_552))
  const outcome = await rewrap(store, 'm1', changeOf(old, next))
  expect(outcome).toMatchObject({ outcome: 'left', reason: 'truncated' })
})

test('an object whose data key is not the one it commits to is left', async () => {
  const { store } = temporaryStore()
  await putS3ec(store, 'm1', text, rsaOld.seals('v3'))
  await putS3ec(store, 'm2', text, rsaOld.seals('v3'))
  const [one, two] = [await store.head('m1'), await store.head('m2')]
  const metadata = { ...one?.metadata, 'x-amz-3': two?.metadata['x-amz-3'] ?? '' }
  await store.replace('m1', { contentType: 'a/b', metadata }, one?.version ?? '')
  for (const to of [rsaNew.seals('v3'), next]) {
    const outcome = await rewrap(store, 'm1', changeOf(rsaOld.opens, to))
    expect(outcome).toMatchObject({ outcome: 'left', reason: 'commitment-mismatch' })
  }
  expect((await store.head('m1'))?.metadata).toEqual(metadata)
})

test('an object of a legacy format is left unless that is asked for', async () => {
  const { store } = temporaryStore()
  await putLegacy(store, 'm1', text, 4)
  const change = changeOf(aesOld.opens, aesNew.seals('v2'))
  expect(await rewrap(store, 'm1', change)).toMatchObject({ reason: 'legacy-format' })
  expect(await rewrap(store, 'm1', { ...change, legacy: true })).toEqual({ outcome: 'resealed' })
  expect(await textBy(store, 'm1', aesNew.opens)).toBe(text)
})

test('what changes while it is sealed anew is left as somebody else made it', async () => {
  const { store } = temporaryStore()
  await putEnvelope(store, 'm1', text, [old])
  const racing: ObjectStore = {
    ...store,
    async get(key) {
      const opened = await store.get(key)
      await store.delete(key)
      await putEnvelope(store, key, 'another', [old])
      return opened
    },
  }
  expect(await rewrap(racing, 'm1', changeOf(old, next))).toMatchObject({ reason: 'changed' })
  expect(await textBy(store, 'm1', old)).toBe('another')
})

test('all objects below a prefix are changed, one that fails stops no other, a second run passes over', async () => {
  const { path, store } = temporaryStore()
  for (let n = 0; n < 10; n++) await putEnvelope(store, `in/m${n}`, `message ${n}`, [old])
  await putEnvelope(store, 'out/m', 'elsewhere', [old])
  await writeFile(join(path, 'in/m3'), 'PSTRNBX\x01 and nothing else')
  const outcomes = (await all(rewrapAll(store, 'in/', changeOf(old, next)))).map(
    ({ key, outcome }) => `${key} ${outcome}`,
  )
  expect(outcomes).toEqual(
    Array.from({ length: 10 }, (_, n) => `in/m${n} ${n === 3 ? 'left' : 'resealed'}`),
  )
  expect(await textBy(store, 'out/m', old)).toBe('elsewhere')
  const again = (await all(rewrapAll(store, 'in/', changeOf(old, next)))).map(
    (each) => each.outcome,
  )
  expect(again.filter((each) => each === 'passed')).toHaveLength(9)
})

test('a store that fails is told of the object, not taken for damage', async () => {
  const { store } = temporaryStore()
  await putEnvelope(store, 'm1', text, [old])
  const full: ObjectStore = {
    ...store,
    async replace() {
      throw new Error('the disk is full')
    },
  }
  const outcome = await rewrap(full, 'm1', changeOf(old, next))
  expect(outcome).toMatchObject({ outcome: 'left', reason: 'failed', text: 'the disk is full' })
})
