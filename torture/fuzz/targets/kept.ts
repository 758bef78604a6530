/** What Postern itself wrote and finds again, perhaps altered: spool entries, progress, receipts, metadata. */

import { createHash } from 'node:crypto'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { MailboxError } from '../../../src/client/errors.ts'
import {
  doubts,
  isAuthenticated,
  isDangerous,
  isTrustworthy,
  openMessage,
} from '../../../src/client/index.ts'
import { itemOf } from '../../../src/client/metadata.ts'
import { CorruptEntryError, openEntry } from '../../../src/spool/entry.ts'
import { forgiven, hurried, isHeld, parseProgress } from '../../../src/spool/progress.ts'
import { encodeRecord, trailerLength } from '../../../src/spool/record.ts'
import { restOfRecord } from '../../../test/support/record.ts'
import { holds, octetsOf, type Target, textOf, throwsOnly } from '../target.ts'

const id = `${'0'.repeat(39)}1`
const message = Buffer.from('Subject: x\r\n\r\nbody\r\n')
const sha256 = createHash('sha256').update(message).digest('hex')
const record = { ...restOfRecord(id), size: message.length, sha256 }

let directory: string | undefined
function scratch(): string {
  if (directory === undefined) {
    directory = mkdtempSync(join(tmpdir(), 'postern-fuzz-'))
    process.on('exit', () => rmSync(directory ?? '', { recursive: true, force: true }))
  }
  return directory
}

async function readEntry(octets: Uint8Array): Promise<void> {
  const file = join(scratch(), 'entry')
  writeFileSync(file, octets)
  const entry = await openEntry(file)
  try {
    const hash = createHash('sha256')
    for await (const piece of entry.message()) hash.update(piece)
    holds(hash.digest('hex') === entry.record.sha256, 'a message is given out whole or not')
  } finally {
    await entry.close()
  }
}

/** As it is; and with its sum made right, as a bug of ours or a clever intruder would leave it. */
async function runEntry(input: Uint8Array): Promise<void> {
  await throwsOnly(CorruptEntryError, () => readEntry(input))
  if (input.length < trailerLength) return
  const octets = Buffer.from(input)
  const trailer = octets.length - trailerLength
  const length = Math.min(octets.readUInt32BE(trailer + 12), trailer)
  octets.writeUInt32BE(crc32(octets.subarray(trailer - length, trailer)), trailer + 8)
  octets.writeUInt32BE(length, trailer + 12)
  octets.writeBigUInt64BE(BigInt(trailer - length), trailer + 16)
  await throwsOnly(CorruptEntryError, () => readEntry(octets))
}

function runProgress(input: Uint8Array): void {
  const progress = parseProgress(textOf(input))
  for (const each of Object.values(progress.failures)) isHeld(each)
  forgiven(progress)
  hurried(progress)
  holds(Array.isArray(progress.done), 'what is done is a list')
}

/** The JSON of a receipt, put in its field before a message; then the octets themselves as an object. */
async function runReceipt(input: Uint8Array): Promise<void> {
  const field = `X-Postern-Receipt: ${Buffer.from(input)
    .toString('base64')
    .replace(/.{1,70}/g, '$&\r\n ')
    .trimEnd()}\r\n`
  for (const body of [Buffer.concat([Buffer.from(field), message]), Buffer.from(input)]) {
    const opened = await throwsOnly(MailboxError, () =>
      openMessage(
        { body, contentType: 'message/rfc822' },
        { keys: [], legacy: body.length % 2 === 0 },
      ),
    )
    if (opened === undefined) continue
    const { receipt, original } = opened
    // Of Amazon's no sum is known.
    if (receipt.sha256 !== undefined && /postern-receipt/i.test(body.toString('latin1'))) {
      holds(
        createHash('sha256').update(original).digest('hex') === receipt.sha256,
        'the sum is looked at',
      )
    }
    isAuthenticated(receipt)
    isTrustworthy(receipt)
    isDangerous(receipt)
    doubts(receipt)
  }
}

function runItem(input: Uint8Array): void {
  const lines = textOf(input)
    .split('\n')
    .map((line) => line.split(': '))
  const metadata = Object.fromEntries(
    lines.map(([name = '', ...value]) => [name, value.join(': ')]),
  )
  const item = itemOf({ key: 'x', contentType: '', metadata, time: new Date(0), size: 1 })
  if (item === undefined) return
  holds(Number.isSafeInteger(item.size) && item.size >= 0, 'a size is a whole number')
}

const receipt = { ...record, rule: 'all', recipients: ['you@example.test'], plan: undefined }
const jsonWords = [
  '"verdicts":',
  '"envelope":',
  '"spf":{"verdict":"PASS"}',
  '"version":2',
  '"size":-1',
  '"size":1e9',
  'null',
  '{}',
  '[]',
  '"',
  '\\',
  '{',
  '}',
  ',',
  '__proto__',
  '"replay":',
  '"\\ud800"',
]

export const targets: readonly Target[] = [
  {
    name: 'spool-entry',
    seeds: [Buffer.concat([message, encodeRecord(record)])],
    tokens: [
      'PSTSPL\0\x01',
      '\0\0\0\0',
      'null',
      '{}',
      '[]',
      '"version":1',
      '"size":0',
      `"sha256":"${sha256}"`,
      '"plan":',
    ],
    run: runEntry,
    maxBytes: 16 * 1024,
  },
  {
    name: 'progress',
    seeds: octetsOf(
      '{"done":[0,1],"failures":{"2":{"attempts":1,"since":"x","time":"y","reason":"z","next":1}},"ends":{"3":"STOP_RULE"}}',
    ),
    tokens: ['"done":', '"failures":', '"ends":', '"next":', '"passed":', ...jsonWords],
    run: runProgress,
  },
  {
    name: 'receipt',
    seeds: octetsOf(JSON.stringify(receipt)),
    tokens: jsonWords,
    run: runReceipt,
    maxBytes: 64 * 1024,
  },
  {
    name: 'index-metadata',
    seeds: octetsOf(
      `postern-id: ${id}\npostern-time: 2026-03-02T09:15:27.000Z\npostern-size: 20\npostern-spf: PASS\npostern-dmarc-policy: reject`,
    ),
    tokens: [
      'postern-',
      'PASS',
      'FAIL',
      '\n',
      ': ',
      'constructor',
      '99999999999999999999',
      '-1',
      'NaN',
    ],
    run: runItem,
  },
]
