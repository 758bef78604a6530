/** Objects that Amazon SES sealed by KMS: opened with the SDK alone, and bound to message and rule. */
import { afterAll, beforeAll, expect, test } from 'vitest'
import {
  kmsDecrypt,
  kmsKey,
  type MailboxReason,
  type MailKey,
  openMailbox,
  openMessage,
} from '../../../src/client/index.ts'
import type { ObjectStore } from '../../../src/store/object-store.ts'
import { kmsClient, newDataKeys } from '../../support/data-keys.ts'
import { type RunningKms, startKms } from '../../support/kms.ts'
import {
  type NewDataKey,
  putSealed,
  sealingRule,
  sesFields,
  sesMail,
} from '../../support/ses-bucket.ts'
import { collect, expectRefusal, idOf, pieces, storeMessage, temporaryStore } from './support.ts'

const message = 'From: ada@sender.example\r\nSubject: Invoice\r\n\r\nHello\r\n'
const id = sesMail.id
const otherId = `3${id.slice(1)}`

let kms: RunningKms
let client: ReturnType<typeof kmsClient>
let key: MailKey
let newDataKey: NewDataKey

beforeAll(async () => {
  kms = await startKms()
  client = kmsClient(kms)
  key = kmsKey(kmsDecrypt(client))
  newDataKey = newDataKeys(client, kms.arn)
})
afterAll(async () => {
  client.destroy()
  await kms.stop()
})

async function sealedStore(more: Parameters<typeof putSealed>[3] = {}) {
  const { store } = temporaryStore()
  const at = await putSealed(store, message, newDataKey, more)
  return { store, at }
}

/** The object there, with other metadata or content, under another key. */
async function putAgain(
  store: ObjectStore,
  from: string,
  to: string,
  change: (metadata: Record<string, string>, body: Buffer) => void = () => undefined,
): Promise<void> {
  const object = await store.get(from)
  const body = await collect(object?.body ?? pieces(Buffer.of(), 1))
  const metadata = { ...object?.info.metadata }
  change(metadata, body)
  const contentType = 'application/octet-stream'
  await store.put(to, pieces(body, 1000), { length: body.length, contentType, metadata })
}

test('a sealed object opens with the key in KMS, and names its rule', async () => {
  const { store, at } = await sealedStore()
  const mailbox = openMailbox({ store, keys: [key], legacy: true })
  const [item] = await Array.fromAsync(mailbox.list())
  const { original, receipt, sealed, prependedBytes } = await mailbox.get(item?.key ?? '')
  expect(at).toBe(item?.key)
  expect(Buffer.from(original).toString()).toBe(message)
  expect(Buffer.from(prependedBytes).toString()).toBe(sesFields())
  expect(sealed).toBe(true)
  expect(receipt).toMatchObject({ origin: 'ses', id, ruleSet: '', rule: 'store-support' })
  expect(receipt.verdicts.dmarc.verdict).toBe('PASS')
  expect(kms.calls.at(-1)).toEqual({
    operation: 'Decrypt',
    keyId: undefined,
    context: {
      'aws:ses:message-id': id,
      'aws:ses:rule-name': 'store-support',
      'aws:ses:source-account': '123456789012',
      kms_cmk_id: sealingRule.kmsKeyArn,
    },
  })
  const again = await mailbox.stream(at)
  expect((await collect(again.original)).toString()).toBe(message)
  expect(again.receipt).toEqual(receipt)
})

test('without legacy, and without the key, it says what is missing', async () => {
  const { store, at } = await sealedStore()
  await expectRefusal(openMailbox({ store, keys: [key] }).get(at), 'legacy-format')
  await expectRefusal(openMailbox({ store, legacy: true }).get(at), 'wrong-key')
})

test('one with requireCommitment is refused: the format has none', async () => {
  const { store, at } = await sealedStore()
  const mailbox = openMailbox({ store, keys: [key], legacy: true, requireCommitment: true })
  await expectRefusal(mailbox.get(at), 'no-commitment')
})

type Change = (metadata: Record<string, string>, body: Buffer) => void
const changes: readonly (readonly [string, Change, MailboxReason])[] = [
  [
    'another rule in the metadata',
    (metadata) => {
      metadata['x-amz-matdesc'] = (metadata['x-amz-matdesc'] ?? '').replace(
        'store-support',
        'admin',
      )
    },
    'wrong-key',
  ],
  [
    'another id in the metadata',
    (metadata) => {
      metadata['x-amz-matdesc'] = (metadata['x-amz-matdesc'] ?? '').replace(id, otherId)
    },
    'wrong-key',
  ],
  [
    'a verdict changed in the content',
    (_, body) => {
      const at = sesFields().indexOf('PASS')
      body[at] = (body[at] ?? 0) ^ 1
    },
    'tampered',
  ],
  [
    'no metadata',
    (metadata) => {
      for (const name of Object.keys(metadata)) delete metadata[name]
    },
    'not-postern',
  ],
]
test.for(changes)('%s is refused', async ([, change, reason]) => {
  const { store, at } = await sealedStore()
  const altered = `altered/${id}`
  await putAgain(store, at, altered, change)
  const mailbox = openMailbox({ store, keys: [key], legacy: true })
  await expectRefusal(mailbox.get(altered), reason)
})

test('in the place of another message it is refused', async () => {
  const { store, at } = await sealedStore()
  await putAgain(store, at, otherId)
  const mailbox = openMailbox({ store, keys: [key], legacy: true })
  await expectRefusal(mailbox.get(otherId), 'misplaced')
})

test('content of another message than KMS vouched for is refused without a key, too', async () => {
  const { store } = temporaryStore()
  const lying: typeof newDataKey = (context) =>
    newDataKey({ ...context, 'aws:ses:message-id': otherId })
  const at = await putSealed(store, message, lying)
  const there = await store.get(at)
  const body = await collect(there?.body ?? pieces(Buffer.of(), 1))
  const metadata: Record<string, string> = { ...there?.info.metadata }
  metadata['x-amz-matdesc'] = (metadata['x-amz-matdesc'] ?? '').replace(id, otherId)
  await expectRefusal(openMessage({ body, metadata }, { keys: [key], legacy: true }), 'misplaced')
})

test('what SES sealed without its fields is no message, whatever a sender wrote into it', async () => {
  const { store } = temporaryStore()
  const ours = await storeMessage(store, message, { id: idOf(1), plaintext: true })
  const forged = await collect((await store.get(ours))?.body ?? pieces(Buffer.of(), 1))
  const at = await putSealed(store, forged, newDataKey, { id: idOf(2), region: 'no region' })
  const mailbox = openMailbox({ store, keys: [key], legacy: true })
  await expectRefusal(mailbox.get(at), 'not-postern')
})

test('a large message is held to the size that is allowed', async () => {
  const { store } = temporaryStore()
  const large = Buffer.alloc(3_000_000, 'x\r\n')
  const at = await putSealed(store, large, newDataKey)
  const mailbox = openMailbox({ store, keys: [key], legacy: true })
  await expectRefusal(mailbox.get(at, { maxBytes: 1_000_000 }), 'too-large')
  expect(Buffer.from((await mailbox.get(at)).original).equals(large)).toBe(true)
})
