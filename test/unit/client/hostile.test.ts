/** Whoever controls the store may lie and cut; it is refused by name or it changes nothing. */
import { readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { openMailbox, openMessage, openObject } from '../../../src/client/index.ts'
import { seal } from '../../../src/seal/envelope.ts'
import type { ObjectStore } from '../../../src/store/object-store.ts'
import {
  collect,
  expectRefusal,
  idOf,
  judged,
  key,
  otherKey,
  pieces,
  refusalOf,
  storeMessage,
  temporaryStore,
} from './support.ts'

const text = 'Subject: hi\r\n\r\nbody\r\n'

async function sidecar(path: string, at: string, change: (it: Record<string, string>) => void) {
  const file = join(path, `${at}.metadata.json`)
  const value = JSON.parse(await readFile(file, 'utf8'))
  change(value.metadata)
  await writeFile(file, JSON.stringify(value))
}

async function contentOf(store: ObjectStore, at: string): Promise<Buffer> {
  const object = await store.get(at)
  return collect(object?.body ?? pieces(new Uint8Array(), 1))
}

const names = [
  'postern-id',
  'postern-time',
  'postern-rule-set',
  'postern-rule',
  'postern-spf',
  'postern-dkim',
  'postern-dmarc',
  'postern-dmarc-policy',
  'postern-spam',
  'postern-virus',
  'postern-size',
  'postern-prepended',
]

test('these are all the fields of the metadata, and none is mismatched by itself', async () => {
  const { store } = temporaryStore()
  const at = await storeMessage(store, text, { verdicts: judged })
  const info = await store.head(at)
  expect(Object.keys(info?.metadata ?? {}).sort()).toEqual([...names].sort())
})

test.for(names)(
  '%s that was changed is refused, and that was removed changes nothing',
  async (name) => {
    const { path, store } = temporaryStore()
    const at = await storeMessage(store, text, { verdicts: judged })
    const mailbox = openMailbox({ store, keys: [key] })
    for (const lie of ['PASS', '0', '', '999999999999', idOf(7)]) {
      let same = false
      await sidecar(path, at, (metadata) => {
        same = metadata[name] === lie
        metadata[name] = lie
      })
      if (same) continue
      await expectRefusal(mailbox.get(at), 'index-mismatch')
      await expectRefusal(mailbox.stream(at), 'index-mismatch')
    }
    await sidecar(path, at, (metadata) => {
      delete metadata[name]
    })
    expect(Buffer.from((await mailbox.get(at)).original).toString()).toBe(text)
  },
)

test('a policy that the receipt does not have is refused', async () => {
  const { path, store } = temporaryStore()
  const at = await storeMessage(store, text)
  await sidecar(path, at, (metadata) => {
    metadata['postern-dmarc-policy'] = 'none'
  })
  await expectRefusal(openMailbox({ store, keys: [key] }).get(at), 'index-mismatch')
})

test('metadata cannot make an envelope anything else', async () => {
  const { path, store } = temporaryStore()
  const at = await storeMessage(store, text)
  await sidecar(path, at, (metadata) => {
    metadata['x-amz-key-v2'] = 'AAAA'
    metadata['content-type'] = 'message/rfc822'
  })
  const { original } = await openMailbox({ store, keys: [key] }).get(at)
  expect(Buffer.from(original).toString()).toBe(text)
})

test('no metadata at all changes nothing', async () => {
  const { store } = temporaryStore()
  const at = await storeMessage(store, text)
  await store.put('copy', pieces(await contentOf(store, at), 100), {
    length: (await contentOf(store, at)).length,
    contentType: 'application/octet-stream',
    metadata: {},
  })
  const body = await contentOf(store, 'copy')
  expect(Buffer.from((await openMessage({ body }, { keys: [key] })).original).toString()).toBe(text)
})

test('the wrong key is told which ids it takes', async () => {
  const { store } = temporaryStore()
  const at = await storeMessage(store, text)
  const error = await refusalOf(openMailbox({ store, keys: [otherKey] }).get(at))
  expect(error).toMatchObject({ reason: 'wrong-key', keyIds: [key.id] })
  expect(error.message).toContain(key.id)
  expect(error.message).toContain(otherKey.id)
  await expectRefusal(openMailbox({ store }).get(at), 'wrong-key')
})

test('every cut is refused, at get and at the end of a stream', async () => {
  const { store } = temporaryStore()
  const at = await storeMessage(store, Buffer.alloc(150_000, 'x'))
  const body = await contentOf(store, at)
  const lengths = [0, 1, 7, 8, 41, 42, 100, 137, 138, 154, 65_689, 65_690, 131_000, 131_242]
  for (const length of [...lengths, body.length - 17, body.length - 16, body.length - 1]) {
    const error = await refusalOf(openMessage({ body: body.subarray(0, length) }, { keys: [key] }))
    const expected = length < 7 ? ['not-postern'] : ['truncated', 'tampered']
    expect(expected, `cut to ${length}: ${error.message}`).toContain(error.reason)
  }
})

test('a flip of any bit is refused', async () => {
  const { store } = temporaryStore()
  const body = await contentOf(store, await storeMessage(store, text))
  for (let at = 0; at < body.length; at += 1) {
    const flipped = Buffer.from(body)
    flipped[at] = (flipped[at] ?? 0) ^ (1 << (at % 8))
    const error = await refusalOf(openMessage({ body: flipped }, { keys: [key] }))
    const expected = ['tampered', 'truncated', 'unknown-version', 'not-postern', 'wrong-key']
    expect(expected).toContain(error.reason)
  }
})

test('bytes after the end are refused', async () => {
  const { store } = temporaryStore()
  const body = await contentOf(store, await storeMessage(store, text))
  const longer = Buffer.concat([body, Buffer.from('x')])
  await expectRefusal(openMessage({ body: longer }, { keys: [key] }), 'tampered')
})

test('plaintext that was altered is refused, and so is one that is longer or shorter', async () => {
  const { store } = temporaryStore()
  const body = await contentOf(store, await storeMessage(store, text, { plaintext: true }))
  const open = (bytes: Uint8Array) =>
    openMessage({ body: bytes, contentType: 'message/rfc822' }, { keys: [] })
  const altered = Buffer.from(body)
  altered[altered.length - 3] = 0x21
  await expectRefusal(open(altered), 'tampered')
  await expectRefusal(open(body.subarray(0, -1)), 'truncated')
  await expectRefusal(open(Buffer.concat([body, Buffer.from('x')])), 'tampered')
  expect((await open(body)).sealed).toBe(false)
})

test('a message in the place of another is refused', async () => {
  const { path, store } = temporaryStore()
  const first = await storeMessage(store, text, { id: idOf(1) })
  const second = await storeMessage(store, 'other', { id: idOf(2) })
  await writeFile(join(path, first), await contentOf(store, second))
  await expectRefusal(openMailbox({ store, keys: [key] }).get(first), 'index-mismatch')
  await sidecar(path, first, (metadata) => {
    for (const name of Object.keys(metadata)) delete metadata[name]
  })
  await expectRefusal(openMailbox({ store, keys: [key] }).get(first), 'misplaced')
  const body = await contentOf(store, second)
  const elsewhere = { body, key: `x${second}` }
  await expectRefusal(openMessage(elsewhere, { keys: [key] }), 'misplaced')
})

const strangers = [
  ['some file', 'not mail', undefined],
  ['an ordinary .eml file', text, 'message/rfc822'],
  ['fields without end', 'X: y\r\n'.repeat(1000), 'message/rfc822'],
  ['a receipt that is not base64', 'X-Postern-Receipt: ~~~\r\n\r\n', 'message/rfc822'],
  ['a receipt that is not JSON', 'X-Postern-Receipt: e319\r\n\r\n', 'message/rfc822'],
  ['a receipt that is no receipt', 'X-Postern-Receipt: e30=\r\n\r\n', 'message/rfc822'],
  ['a receipt that is a number', 'X-Postern-Receipt: MTIz\r\n\r\n', 'message/rfc822'],
  [
    'a receipt that never ends',
    `X-Postern-Receipt: e3t7\r\n${' e3t7\r\n'.repeat(99)}`,
    'message/rfc822',
  ],
] as const

test.for(strangers)('%s is no stored message', async ([, content, contentType]) => {
  const body = Buffer.from(content)
  const object = contentType === undefined ? { body } : { body, contentType }
  await expectRefusal(openMessage(object, { keys: [key] }), 'not-postern')
})

test('what was sealed by somebody else than the server has no receipt', async () => {
  const body = await collect(seal(pieces(Buffer.from(text), 5), [key.publicKey]))
  await expectRefusal(openMessage({ body }, { keys: [key] }), 'not-postern')
  expect(Buffer.from(await openObject({ body }, { keys: [key] })).toString()).toBe(text)
})

test('a receipt of a later version asks for an update', async () => {
  const receipt = Buffer.from('{"version":2}').toString('base64')
  const body = Buffer.from(`X-Postern-Receipt: ${receipt}\r\n`)
  const contentType = 'message/rfc822'
  await expectRefusal(openMessage({ body, contentType }, { keys: [] }), 'unknown-version')
})
