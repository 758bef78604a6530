/** A bucket that Amazon SES wrote, read with `legacy: true` as one of Postern's is. */
import { createHash } from 'node:crypto'
import { expect, test } from 'vitest'
import {
  dirStore,
  type Item,
  isAuthenticated,
  isTrustworthy,
  openMailbox,
  openMessage,
  openObject,
} from '../../../src/client/index.ts'
import type { ObjectStore } from '../../../src/store/object-store.ts'
import {
  putPlaintext,
  putSealed,
  putSetupNotification,
  sesFields,
  sesMail,
} from '../../support/ses-bucket.ts'
import {
  collect,
  expectRefusal,
  idOf,
  key,
  pieces,
  refusalOf,
  storeMessage,
  temporaryStore,
} from './support.ts'

const message = 'From: ada@sender.example\r\nSubject: Invoice\r\n\r\nHello\r\n'
const id = sesMail.id
/** A second message of SES; its ids do not sort by time. */
const otherId = `3${id.slice(1)}`

const dataKey = async () => ({ plaintext: Buffer.alloc(32, 1), encrypted: Buffer.alloc(184, 2) })

function legacyMailbox(store: ObjectStore) {
  return openMailbox({ store, keys: [key], legacy: true })
}

async function put(
  store: ObjectStore,
  at: string,
  body: string | Uint8Array,
  { metadata = {}, contentType = 'application/octet-stream' } = {},
): Promise<void> {
  const bytes = Buffer.from(body)
  await store.put(at, pieces(bytes, 50_000), { length: bytes.length, contentType, metadata })
}

test('a listing has the messages of SES and of Postern, and nothing else of SES', async () => {
  const { path, store } = temporaryStore()
  for (const prefix of [undefined, 'support', '/emails', 'a/b/']) {
    await putSetupNotification(store, prefix)
    await putPlaintext(store, message, {}, prefix === undefined ? {} : { prefix })
  }
  await putSealed(store, message, dataKey, { id: otherId })
  await put(store, `${otherId}.instruction`, '{}')
  await put(store, `support/x${id}`, 'something else')
  await storeMessage(store, message, { id: idOf(1), prefix: 'support' })
  const keysOf = (items: readonly Item[]) => items.map((item) => item.key)
  const all = await Array.fromAsync(legacyMailbox(dirStore(path) as ObjectStore).list())
  const ours = `support/${idOf(1)}`
  expect(keysOf(all)).toEqual([`/emails/${id}`, otherId, `a/b/${id}`, id, ours, `support/${id}`])
  expect(all.filter(({ origin }) => origin !== 'ses').map((item) => item.key)).toEqual([ours])
  const strict = await Array.fromAsync(openMailbox({ store }).list())
  expect(keysOf(strict)).toEqual([ours])
  const prefix = 'support/'
  const after = await Array.fromAsync(legacyMailbox(store).list({ prefix, after: idOf(1) }))
  expect(keysOf(after)).toEqual([`support/${id}`])
})

test('an item tells size and time of the object, and no verdict', async () => {
  const { store } = temporaryStore()
  await putPlaintext(store, message)
  await putSealed(store, message, dataKey, { id: otherId })
  const size = sesFields().length + message.length
  const verdict = 'PROCESSING_FAILED'
  const verdicts = { spf: verdict, dkim: verdict, dmarc: verdict, spam: verdict, virus: verdict }
  for await (const item of legacyMailbox(store).list()) {
    const time = (await store.head(item.key))?.time.toISOString()
    const isOf = item.key === id ? id : otherId
    expect(item).toEqual({ id: isOf, key: isOf, time, size, verdicts, origin: 'ses' })
  }
})

test('a plaintext object opens as a message of Postern does, with a derived receipt', async () => {
  const { store } = temporaryStore()
  const at = await putPlaintext(store, message, {}, { prefix: 'support' })
  const opened = await legacyMailbox(store).get(at)
  expect(Buffer.from(opened.original).toString()).toBe(message)
  expect(Buffer.from(opened.prependedBytes).toString()).toBe(sesFields())
  expect(opened.prepended.map(({ name }) => name)).toEqual([
    'Return-Path',
    'Received',
    'X-SES-Spam-Verdict',
    'X-SES-Virus-Verdict',
    'Received-SPF',
    'Authentication-Results',
    'X-SES-RECEIPT',
    'X-SES-DKIM-SIGNATURE',
  ])
  expect(opened.headers.get('subject')).toBe('Invoice')
  expect(opened.sealed).toBe(false)
  expect(opened.receipt).toMatchObject({
    version: 1,
    origin: 'ses',
    id,
    time: '2026-03-02T09:15:27.000Z',
    ruleSet: '',
    rule: '',
    recipients: ['help@mail.example.net'],
    size: message.length,
    sha256: createHash('sha256').update(message).digest('hex'),
  })
  expect(isTrustworthy(opened.receipt)).toBe(true)
})

test('stream() and openMessage() give the same', async () => {
  const { store } = temporaryStore()
  const large = Buffer.concat([Buffer.from(message), Buffer.alloc(5_000_000, 'x\r\n')])
  const at = await putPlaintext(store, large)
  const mailbox = legacyMailbox(store)
  const { receipt, original } = await mailbox.stream(at)
  expect((await collect(original)).equals(large)).toBe(true)
  const whole = await mailbox.get(at)
  expect(receipt).toEqual(whole.receipt)
  const body = (await store.get(at))?.body ?? pieces(large, 1)
  const opened = await openMessage({ body, key: at }, { keys: [], legacy: true })
  expect(opened.receipt).toEqual(receipt)
  expect(Buffer.from(opened.original).equals(large)).toBe(true)
  await expectRefusal(mailbox.get(at, { maxBytes: 1000 }), 'too-large')
  await (await mailbox.stream(at)).cancel()
})

test('openObject() gives all bytes', async () => {
  const body = Buffer.from(sesFields() + message)
  expect(Buffer.from(await openObject({ body }, { keys: [], legacy: true })).equals(body)).toBe(
    true,
  )
  await expectRefusal(openObject({ body }, { keys: [] }), 'not-postern')
})

test('without legacy nothing of SES is opened', async () => {
  const { store } = temporaryStore()
  const at = await putPlaintext(store, message)
  await expectRefusal(openMailbox({ store }).get(at), 'not-postern')
})

test('mail of Postern is opened as ever', async () => {
  const { store } = temporaryStore()
  const at = await storeMessage(store, message, { id: idOf(1) })
  const plain = await storeMessage(store, message, { id: idOf(2), plaintext: true })
  const mailbox = legacyMailbox(store)
  for (const each of [at, plain]) {
    const { receipt, original } = await mailbox.get(each)
    expect(receipt).not.toHaveProperty('origin')
    expect(Buffer.from(original).toString()).toBe(message)
  }
  const large = await storeMessage(store, Buffer.alloc(500_000), { id: idOf(3) })
  expect((await mailbox.get(large)).original.length).toBe(500_000)
})

test('a message under the key of another is refused', async () => {
  const { store } = temporaryStore()
  await put(store, otherId, sesFields() + message)
  const error = await refusalOf(legacyMailbox(store).get(otherId))
  expect(error.reason).toBe('misplaced')
  expect(error.message).toContain(id)
})

test('metadata of Postern’s at a message of SES is compared with what SES recorded', async () => {
  const { store } = temporaryStore()
  const scan = { spam: 'FAIL', virus: 'PASS' }
  const metadata = { 'postern-id': id, 'postern-spam': 'PASS' }
  await put(store, id, sesFields({ scan }) + message, { metadata })
  const mailbox = legacyMailbox(store)
  const [item] = await Array.fromAsync(mailbox.list())
  expect(item?.verdicts.spam).toBe('PASS')
  await expectRefusal(mailbox.get(id), 'index-mismatch')
})

/** The fields and the receipt of Postern, as anybody can write them into a message. */
async function forgedReceipt(): Promise<string> {
  const { store } = temporaryStore()
  const at = await storeMessage(store, message, { id, plaintext: true })
  return (await collect((await store.get(at))?.body ?? pieces(Buffer.of(), 1))).toString('latin1')
}

test('a receipt of Postern in a message that SES took is the sender’s', async () => {
  const { store } = temporaryStore()
  const forged = await forgedReceipt()
  expect(forged).toContain('X-Postern-Receipt')
  for (const contentType of ['application/octet-stream', 'message/rfc822']) {
    const fresh = temporaryStore()
    await put(fresh.store, id, sesFields() + forged, { contentType })
    const { receipt, original } = await legacyMailbox(fresh.store).get(id)
    expect(receipt.origin).toBe('ses')
    expect(Buffer.from(original).toString('latin1')).toBe(forged)
  }
  // Fields that are neither SES's nor Postern's, in an object that Postern would not have written.
  await put(store, id, `X-Unknown: y\r\n${forged}`)
  await expectRefusal(legacyMailbox(store).get(id), 'not-postern')
})

test('a second From field takes the word of SES away from both', async () => {
  const { store } = temporaryStore()
  const at = await putPlaintext(store, `From: ceo@bank.example\r\nfrOM : x@y.example\r\n${message}`)
  const { receipt } = await legacyMailbox(store).get(at)
  expect(receipt.verdicts.dmarc.reason).toBe('from-several')
  expect(isAuthenticated(receipt)).toBe(false)
})

const strangers = [
  ['the setup notification', 'Date: today\r\nSubject: Amazon SES Setup Notification\r\n\r\n'],
  ['an ordinary message', message],
  ['some file', 'not mail'],
  ['nothing', ''],
  ['fields without end', 'X-Field: y\r\n'.repeat(100_000)],
  ['one field without end', `Return-Path: <${'x'.repeat(1_000_000)}`],
] as const
test.for(strangers)('%s is refused by name', async ([, body]) => {
  const { store } = temporaryStore()
  await put(store, id, body)
  await expectRefusal(legacyMailbox(store).get(id), 'not-postern')
  await expectRefusal(
    openMessage({ body: Buffer.from(body) }, { keys: [], legacy: true }),
    'not-postern',
  )
})

test('what is larger than a message of SES is not held in memory', async () => {
  const { store } = temporaryStore()
  const piece = Buffer.alloc(1_000_000, 'x')
  let read = 0
  async function* body() {
    yield Buffer.from(sesFields())
    for (; read < 200; read += 1) yield piece
  }
  const get: ObjectStore['get'] = async (at) => {
    const info = { key: at, size: 2e8, time: new Date(0), contentType: '', metadata: {} }
    return { info, body: body(), cancel: () => undefined }
  }
  await expectRefusal(legacyMailbox({ ...store, get }).stream(id), 'too-large')
  expect(read).toBeLessThan(70)
})
