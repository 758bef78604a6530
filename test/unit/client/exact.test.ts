/** What was received comes back octet for octet, whatever it looks like. */
import { createHash } from 'node:crypto'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { openMailbox } from '../../../src/client/index.ts'
import { collect, judged, key, storeMessage, temporaryStore } from './support.ts'

const forged = `X-Postern-Receipt: ${Buffer.from('{"version":1,"id":"forged"}').toString('base64')}\r\n`
const large = Buffer.alloc(5 * 1024 * 1024, 'a line that says little\r\n')

const cases: readonly (readonly [string, string | Uint8Array])[] = [
  ['an ordinary message', 'Subject: hi\r\nFrom: <a@example.test>\r\n\r\nbody\r\n'],
  ['an empty message', ''],
  ['a message without a separator', 'Subject: hi\r\nno colon here\r\n'],
  ['a message without header fields', '\r\nbody\r\n'],
  ['octets above 127 in fields and body', 'Subject: gr\xfc\xdfe\r\n\r\n\xff\xfe\x80\r\n'],
  ['a message that ends without CRLF', 'Subject: hi\r\n\r\nbody'],
  ['a message that is one CRLF', '\r\n'],
  ['fields that look like ours', 'Return-Path: <evil@example.test>\r\nReceived: x\r\n\r\n'],
  ['a forged receipt as the first field', `${forged}\r\nbody`],
  ['a forged receipt and nothing else', forged],
  ['a first line that folds into our last field', ' e30=\r\n\tmore\r\nSubject: x\r\n\r\n'],
  ['a message that begins as an envelope', 'PSTRNBX\x01 is not one\r\n'],
  ['5 MB', large],
]

for (const plaintext of [false, true]) {
  for (const added of [[], [{ name: 'X-Added', value: 'yes' }]]) {
    const how = `${plaintext ? 'in plaintext' : 'sealed'} with ${added.length} added fields`
    test.for(cases)(`%s, ${how}`, async ([, text]) => {
      const bytes = typeof text === 'string' ? Buffer.from(text, 'latin1') : text
      const { store } = temporaryStore()
      const at = await storeMessage(store, bytes, { plaintext, added, verdicts: judged })
      const mailbox = openMailbox({ store, keys: plaintext ? [] : [key] })

      const message = await mailbox.get(at)
      expect(Buffer.from(message.original).equals(bytes)).toBe(true)
      expect((await collect(message.stream())).equals(bytes)).toBe(true)
      expect(message.sealed).toBe(!plaintext)
      expect(message.receipt).toMatchObject({
        version: 1,
        id: at,
        size: bytes.length,
        sha256: createHash('sha256').update(bytes).digest('hex'),
        verdicts: judged,
        recipients: ['sales@example.test'],
      })
      expect(message.prepended.map(({ name }) => name)).toEqual([
        'Return-Path',
        'Received',
        'X-SES-Spam-Verdict',
        'Authentication-Results',
        'X-Postern-Receipt',
        ...added.map(({ name }) => name),
      ])

      const streamed = await mailbox.stream(at)
      expect(streamed.receipt).toEqual(message.receipt)
      expect((await collect(streamed.original)).equals(bytes)).toBe(true)
    })
  }
}

test('any octets in any number of recipients come back', async () => {
  const { store } = temporaryStore()
  const mailbox = openMailbox({ store, keys: [key] })
  let n = 0
  await fc.assert(
    fc.asyncProperty(
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom('', ' ', '\t=\r\n', 'X: y\r\n'),
      fc.integer({ min: 1, max: 40 }),
      async (octets, start, count) => {
        const bytes = Buffer.concat([Buffer.from(start), octets])
        // Every length of receipt, so that its base64 ends at every place of a line.
        const recipients = Array.from({ length: count }, (_, each) => `${'r'.repeat(each)}@b.test`)
        n += 1
        const at = await storeMessage(store, bytes, { prefix: String(n), recipients })
        const { original, receipt } = await mailbox.get(at)
        expect(Buffer.from(original).equals(bytes)).toBe(true)
        expect(receipt.recipients).toEqual(recipients)
      },
    ),
    { numRuns: 100, seed: 1 },
  )
})

test('a receipt of a thousand recipients is read', async () => {
  const { store } = temporaryStore()
  const recipients = Array.from({ length: 1000 }, (_, each) => `{"}${each}\\@example.test`)
  const at = await storeMessage(store, ' starts with a space', { recipients })
  const { receipt } = await openMailbox({ store, keys: [key] }).get(at)
  expect(receipt.recipients).toEqual(recipients)
})
