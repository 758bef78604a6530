/** S3Action is what D§6 says, to the octet: key, metadata, content type, fields, and one object however often. */
import { createHash } from 'node:crypto'
import { readdirSync } from 'node:fs'
import { beforeEach, describe, expect, test } from 'vitest'
import type { Delivery } from '../../../src/actions/action.ts'
import { actionRegistry } from '../../../src/actions/registry.ts'
import { storeAction } from '../../../src/actions/store.ts'
import { PermanentError } from '../../../src/errors.ts'
import { newMessageId } from '../../../src/mail/message-id.ts'
import { objectKey } from '../../../src/mail/object-key.ts'
import type { AddedField } from '../../../src/mail/prepend.ts'
import type { KeptMessage, Receipt } from '../../../src/mail/receipt.ts'
import type { Verdicts } from '../../../src/mail/verdict.ts'
import type { RuleAction } from '../../../src/rules/rule-set.ts'
import { open, type PublicKey, sealedLength } from '../../../src/seal/envelope.ts'
import { newKeyPair } from '../../../src/seal/keys.ts'
import { envelopeSealer } from '../../../src/seal/sealer.ts'
import { CorruptEntryError } from '../../../src/spool/entry.ts'
import { dirStore } from '../../../src/store/dir.ts'
import type { ObjectStore } from '../../../src/store/object-store.ts'
import { scratch } from '../spool/support.ts'
import { collaborators } from './support.ts'

const message = Buffer.from('From: <a@b.test>\r\nSubject: h\xe9llo\r\n\r\nbody\r\n', 'latin1')
const verdicts: Verdicts = {
  spf: { verdict: 'PASS' },
  dkim: { verdict: 'GRAY' },
  dmarc: { verdict: 'FAIL' },
  dmarcPolicy: 'quarantine',
  spam: { verdict: 'FAIL', engine: 'spam@1' },
  virus: { verdict: 'PASS', engine: 'virus@1' },
}

function recordOf(id: string): KeptMessage {
  return {
    id,
    time: '2026-03-02T09:15:27.123Z',
    envelope: {
      remoteIp: '192.0.2.1',
      helo: 'client.example.test',
      reversePath: 'sender@example.test',
      recipients: ['you@example.test', 'other@example.test'],
      protocol: 'ESMTP',
    },
    verdicts,
    ruleSet: 'default',
    size: message.length,
    sha256: createHash('sha256').update(message).digest('hex'),
  }
}

type Made = {
  record?: Partial<KeptMessage>
  rule?: string
  action?: RuleAction
  scan?: boolean
  added?: AddedField[]
  message?: () => AsyncIterable<Uint8Array>
}

function deliveryOf(made: Made = {}): Delivery {
  const { rule = 'all', scan = true, added = [] } = made
  const action = made.action ?? { S3Action: { BucketName: 'inbox' } }
  return {
    record: { ...recordOf(newMessageId(Date.now())), ...made.record },
    planned: { rule, action, recipients: ['you@example.test'], scan },
    added,
    noticeId: 'notice-1',
    message:
      made.message ??
      async function* () {
        yield message.subarray(0, 10)
        yield message.subarray(10)
      },
  }
}

const pair = newKeyPair()
let directory: string
let store: ObjectStore

beforeEach(() => {
  directory = scratch()
  store = dirStore(directory)
})

function act(keys: readonly PublicKey[] | 'none' = [pair.publicKey]) {
  return storeAction({
    hostname: 'mx.example.test',
    bucket: () => store,
    sealer: () => (keys === 'none' ? keys : envelopeSealer(keys)),
  })
}

async function objectAt(key: string) {
  const opened = await store.get(key)
  if (opened === undefined) throw new Error(`there is no object ${key}`)
  return { ...opened.info, octets: Buffer.concat(await Array.fromAsync(opened.body)) }
}

/** The stored octets, opened: the fields that were prepended, and the rest. */
async function storedAt(key: string) {
  const { octets, metadata } = await objectAt(key)
  const source = (async function* () {
    yield octets
  })()
  const plain = Buffer.concat(await Array.fromAsync(open(source, [pair])))
  const prepended = Number(metadata['postern-prepended'])
  return {
    fields: plain.subarray(0, prepended).toString('utf8'),
    rest: plain.subarray(prepended),
  }
}

const keys = [
  // prefix, key of the object `ID`, why
  [undefined, 'ID', 'no prefix, no slash'],
  ['', 'ID', 'an empty prefix is none'],
  ['in', 'in/ID', 'the slash that is missing is put in'],
  ['in/', 'in/ID', 'the one that is there is enough'],
  ['in//', 'in//ID', 'two are what was written'],
  ['/in', '/in/ID', 'a leading one stays, as in SES'],
  ['/', '/ID', 'a prefix of nothing but a slash'],
  ['a/b', 'a/b/ID', 'a prefix may hold slashes'],
  ['ünïcode', 'ünïcode/ID', 'and any UTF-8'],
] as const

test.for(keys)('the prefix %j makes the key %s: %s', ([prefix, key]) => {
  expect(objectKey(prefix, 'ID')).toBe(key)
})

test('a sealed object opens to the fields and the message as received, and says so in its metadata', async () => {
  const delivery = deliveryOf()
  const { id } = delivery.record
  await act()(delivery)
  const { contentType, metadata, size } = await objectAt(id)
  const { fields, rest } = await storedAt(id)
  expect(rest).toEqual(message)
  expect(contentType).toBe('application/octet-stream')
  expect(size).toBe(sealedLength(fields.length + message.length, 1))
  expect(metadata).toEqual({
    'postern-id': id,
    'postern-time': '2026-03-02T09:15:27.123Z',
    'postern-rule-set': 'default',
    'postern-rule': 'all',
    'postern-spf': 'PASS',
    'postern-dkim': 'GRAY',
    'postern-dmarc': 'FAIL',
    'postern-dmarc-policy': 'quarantine',
    'postern-spam': 'FAIL',
    'postern-virus': 'PASS',
    'postern-size': String(message.length),
    'postern-prepended': String(fields.length),
  })
})

test('the fields stand in the order that is promised, and the receipt is of this rule', async () => {
  const delivery = deliveryOf({ added: [{ name: 'X-Team', value: 'support' }] })
  await act()(delivery)
  const { fields } = await storedAt(delivery.record.id)
  const names = fields
    .replace(/\r\n[ \t]/g, ' ')
    .split('\r\n')
    .map((line) => line.split(':')[0])
  expect(names).toEqual([
    'Return-Path',
    'Received',
    'X-SES-Spam-Verdict',
    'X-SES-Virus-Verdict',
    'Authentication-Results',
    'X-Postern-Receipt',
    'X-Team',
    '',
  ])
  const base64 = /^X-Postern-Receipt: ((?:.|\r\n )*)/m.exec(fields)?.[1] ?? ''
  const receipt = JSON.parse(Buffer.from(base64, 'base64').toString()) as Receipt
  const { rule, recipients } = delivery.planned
  expect(receipt).toEqual({ version: 1, ...delivery.record, rule, recipients })
})

test('where the rule asks for no scan, spam and virus read DISABLED and have no fields', async () => {
  const delivery = deliveryOf({ scan: false })
  await act()(delivery)
  const { fields } = await storedAt(delivery.record.id)
  const { metadata } = await objectAt(delivery.record.id)
  expect(fields).not.toContain('X-SES-')
  expect(metadata).toMatchObject({
    'postern-spam': 'DISABLED',
    'postern-virus': 'DISABLED',
    'postern-spf': 'PASS',
  })
})

test('without a dmarc policy there is no entry for it', async () => {
  const { dmarcPolicy: _, ...rest } = verdicts
  const delivery = deliveryOf({ record: { verdicts: rest } })
  await act()(delivery)
  const { metadata } = await objectAt(delivery.record.id)
  expect(metadata).not.toHaveProperty('postern-dmarc-policy')
})

test('with the longest names there are, the metadata stay below the 2 KB of S3', async () => {
  const each = { verdict: 'PROCESSING_FAILED' } as const
  const all = { spf: each, dkim: each, dmarc: each, spam: each, virus: each }
  const delivery = deliveryOf({
    rule: 'r'.repeat(64),
    record: { ruleSet: 's'.repeat(64), verdicts: { ...all, dmarcPolicy: 'quarantine' } },
  })
  await act()(delivery)
  const entries = Object.entries((await objectAt(delivery.record.id)).metadata)
  expect(entries).toHaveLength(12)
  // S3 counts names and values; the prefix x-amz-meta- is counted here, too, to be safe.
  const total = entries.reduce((sum, [name, value]) => sum + `x-amz-meta-${name}${value}`.length, 0)
  expect(total).toBeLessThan(1024)
  expect(entries.join()).toMatch(/^[\x20-\x7e]+$/)
})

test('where plaintext is asked for, the object is the mail itself', async () => {
  const delivery = deliveryOf()
  await act('none')(delivery)
  const { contentType, octets, metadata } = await objectAt(delivery.record.id)
  expect(contentType).toBe('message/rfc822')
  expect(octets.subarray(Number(metadata['postern-prepended']))).toEqual(message)
})

test('sealed to several keys, each opens it', async () => {
  const others = [newKeyPair(), newKeyPair()]
  const delivery = deliveryOf()
  await act(others.map(({ publicKey }) => publicKey))(delivery)
  const { octets } = await objectAt(delivery.record.id)
  for (const each of others) {
    const source = (async function* () {
      yield octets
    })()
    const plain = Buffer.concat(await Array.fromAsync(open(source, [each])))
    expect(plain.subarray(-message.length)).toEqual(message)
  }
})

describe('a second run', () => {
  test('leaves the one object of the first', async () => {
    const delivery = deliveryOf()
    await act()(delivery)
    const before = await objectAt(delivery.record.id)
    await act()(delivery)
    expect(await objectAt(delivery.record.id)).toEqual(before)
    expect(await Array.fromAsync(store.list())).toHaveLength(1)
  })

  test('at the same time as the first leaves one object, too', async () => {
    const delivery = deliveryOf()
    await Promise.all([act()(delivery), act()(delivery), act()(delivery)])
    expect(await Array.fromAsync(store.list())).toHaveLength(1)
    expect((await storedAt(delivery.record.id)).rest).toEqual(message)
  })

  test('finds a foreign object under its key and gives up, leaving it', async () => {
    const delivery = deliveryOf()
    const { id } = delivery.record
    const foreign = (async function* () {
      yield Buffer.from('foreign')
    })()
    await store.put(id, foreign, { length: 7, contentType: 'text/plain', metadata: {} })
    await expect(act()(delivery)).rejects.toThrow(PermanentError)
    expect((await objectAt(id)).octets.toString()).toBe('foreign')
  })
})

describe('a message that is not what was received', () => {
  const faults = [
    // what its reader meets, why
    [
      'damaged',
      'the spool finds it at the end: the error must arrive as it is, to move the entry aside',
    ],
    ['short', 'fewer octets than the record says'],
    ['long', 'more octets than the record says'],
  ] as const

  test.for(faults)('%s is not stored: %s', async ([fault]) => {
    const delivery = deliveryOf({
      message: async function* () {
        yield message.subarray(0, fault === 'short' ? 10 : undefined)
        if (fault === 'long') yield Buffer.from('x')
        if (fault === 'damaged') throw new CorruptEntryError('damaged')
      },
    })
    const outcome = act()(delivery)
    if (fault === 'damaged') await expect(outcome).rejects.toThrow(CorruptEntryError)
    else await expect(outcome).rejects.toThrow(/octets/)
    expect(await Array.fromAsync(store.list())).toEqual([])
    expect(readdirSync(directory, { recursive: true }).filter((each) => each !== '%tmp')).toEqual(
      [],
    )
  })
})

describe('the registry', () => {
  test.for(['NextYearsAction', 'AddHeaderAction', 'StopAction', 'toString', '__proto__', ''])(
    'gives up on %j, which an older or newer Postern may have planned, or that evaluation obeys',
    async (kind) => {
      const action = JSON.parse(`{${JSON.stringify(kind)}: {}}`) as RuleAction
      const outcome = actionRegistry(
        collaborators({ bucket: () => store, sealer: () => envelopeSealer([pair.publicKey]) }),
      )(deliveryOf({ action }))
      await expect(outcome).rejects.toThrow(PermanentError)
    },
  )
})
