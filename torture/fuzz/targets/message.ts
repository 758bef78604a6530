/** What anybody on the Internet sends: the octets of DATA, header sections, MIME, and what is written from them. */
import { isDeepStrictEqual } from 'node:util'
import { headersOf } from '../../../src/client/fields.ts'
import { reasonNotToAnswer } from '../../../src/mail/auto-reply.ts'
import { capturedFrom } from '../../../src/mail/captured.ts'
import { dataReader } from '../../../src/mail/data-reader.ts'
import { deliveryStatusNotification } from '../../../src/mail/dsn.ts'
import { headerFields } from '../../../src/mail/header-fields.ts'
import { decodedParts, mimeStructure, mimeWalker } from '../../../src/mail/mime.ts'
import type { Receipt } from '../../../src/mail/receipt.ts'
import { restOfRecord } from '../../../test/support/record.ts'
import { holds, octetsOf, pieces, type Target } from '../target.ts'

const limits = {
  maxMessageBytes: 2 ** 20,
  maxLineBytes: 64 * 1024,
  maxHeaderLines: 1000,
  maxHeaderBytes: 512 * 1024,
}

function readData(input: Uint8Array, size: number) {
  const taken: Buffer[] = []
  const reader = dataReader(limits, (octets) => taken.push(Buffer.from(octets)))
  const octets = Buffer.from(input)
  let end = -1
  for (let at = 0; at < octets.length && end < 0; at += size) {
    const found = reader.feed(octets.subarray(at, at + size))
    if (found >= 0) end = at + found
  }
  const fault = reader.fault()
  const content = Buffer.concat(taken)
  // What a message was is of no meaning after a fault.
  return fault === undefined
    ? {
        end,
        content: content.toString('latin1'),
        size: reader.size(),
        header: reader.header().toString('latin1'),
      }
    : { end, fault }
}

function runData(input: Uint8Array): void {
  const whole = readData(input, input.length + 1)
  for (const size of [1, 2, 3, 7, 1024]) {
    if (input.length / size > 20_000) continue
    holds(
      isDeepStrictEqual(readData(input, size), whole),
      'how TCP cuts the octets does not matter',
    )
  }
  const text = Buffer.from(input).toString('latin1')
  const end = /(?:^|\r\n)\.\r\n/.exec(text)
  holds(
    whole.end === (end === null ? -1 : end.index + end[0].length),
    'CR LF . CR LF and nothing else ends it',
  )
  if ('content' in whole && end !== null) {
    const naive = text
      .slice(0, end[0].startsWith('\r') ? end.index + 2 : 0)
      .replace(/(^|\r\n)\./g, '$1')
    holds(whole.content === naive && whole.size === naive.length, 'the message is what was sent')
    holds(!/\0|\r(?!\n)|(?<!\r)\n/.test(naive), 'what is kept has no bare CR or LF and no NUL')
  }
}

/** Structure and leaves; the octets of a leaf as one. */
function walked(chunks: readonly Buffer[]) {
  const leaves: { fields: unknown; content: Buffer[] }[] = []
  const walker = mimeWalker((event) => {
    if (Buffer.isBuffer(event)) leaves.at(-1)?.content.push(Buffer.from(event))
    else if (event !== 'end') leaves.push({ fields: event, content: [] })
  })
  for (const chunk of chunks) walker.feed(chunk)
  walker.end()
  return {
    structure: walker.structure(),
    leaves: leaves.map(({ fields, content }) => ({
      fields,
      content: Buffer.concat(content).toString('latin1'),
    })),
  }
}

async function runMime(input: Uint8Array): Promise<void> {
  const octets = Buffer.from(input)
  const whole = walked([octets])
  for (const size of [1, 3, 80]) {
    if (input.length / size > 20_000) continue
    const cut: Buffer[] = []
    for await (const piece of pieces(octets, size)) cut.push(piece)
    holds(isDeepStrictEqual(walked(cut), whole), 'how a message comes in pieces does not matter')
  }
  const message = capturedFrom(octets)
  holds(isDeepStrictEqual(await mimeStructure(message), whole.structure), 'both walks see the same')
  let parts = 0
  for await (const { content } of decodedParts(message)) {
    parts += 1
    // Every second one is passed over, as an engine does that has enough.
    if (parts % 2 === 0) continue
    for await (const piece of content) void piece
  }
  holds(parts === whole.structure.parts, 'every leaf is told once')
  holds(whole.structure.attachments.length <= 100 && parts <= 1001, 'its limits bound it')
}

function runHeader(input: Uint8Array): void {
  const fields = headerFields(input)
  for (const { name } of fields) holds(/^[!-9;-~]+$/.test(name), 'a name is printable')
  headersOf(input)
}

const receipt = (reversePath: string): Receipt => {
  const rest = restOfRecord(`${'0'.repeat(39)}1`)
  return {
    ...rest,
    envelope: { ...rest.envelope, reversePath },
    rule: 'all',
    recipients: ['you@example.test'],
    size: 1,
    sha256: '00'.repeat(32),
  } as unknown as Receipt
}

/** The first line is the reverse-path, the rest the header section. */
function runBounce(input: Uint8Array): void {
  const octets = Buffer.from(input)
  const end = octets.indexOf(10)
  const reversePath = octets
    .toString('utf8', 0, end < 0 ? octets.length : end)
    .replace(/[\x00-\x1f\x7f]/g, '')
  const header = end < 0 ? Buffer.alloc(0) : octets.subarray(end + 1)
  reasonNotToAnswer(receipt(reversePath), header)
  // RFC 5321 §4.5.3.1: the session refuses longer ones.
  if (!/^[^\s<>@]{1,64}@[^\s<>@]{1,190}$/.test(reversePath)) return
  const message = deliveryStatusNotification({
    hostname: 'mx.example.test',
    sender: 'desk@example.test',
    receipt: receipt(reversePath),
    reply: { code: '550', status: '5.2.1', text: 'closed' },
    header,
    time: new Date(0),
    messageId: 'x',
  }).toString('latin1')
  holds(!/\0|\r(?!\n)|(?<!\r)\n/.test(message), 'a bounce message has no bare CR or LF')
  holds(
    message.split('\r\n').every((line) => line.length <= 998),
    'RFC 5322 §2.1.1: 998 octets',
  )
}

const nested = [
  'From: a@b.test',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary="a"; charset*=utf-8\'en\'x',
  '',
  'preamble',
  '--a',
  'Content-Type: text/plain; charset=utf-8; name*0="x"; name*1="y.txt"',
  'Content-Transfer-Encoding: quoted-printable',
  '',
  'a=3Db=',
  'c',
  '--a',
  'Content-Type: multipart/alternative; boundary=b',
  '',
  '--b',
  'Content-Type: application/octet-stream; name="=?utf-8?q?x=2Eexe?="',
  "Content-Disposition: attachment; filename*=UTF-8''x%2Eexe",
  'Content-Transfer-Encoding: base64',
  '',
  'QUJD',
  'RA==',
  '--b--',
  '--a--',
  'epilogue',
  '',
].join('\r\n')

const mimeWords = [
  ...[
    'Content-Type: ',
    'Content-Transfer-Encoding: ',
    'Content-Disposition: attachment',
    'MIME-Version: 1.0',
  ],
  ...[
    'multipart/mixed; boundary=a',
    'multipart/digest;boundary="a "',
    'message/rfc822',
    'message/partial',
    'text/html',
  ],
  ...[
    'base64',
    'quoted-printable',
    'x-uuencode',
    '8bit',
    'binary',
    '\r\n--a\r\n',
    '\r\n--a--\r\n',
    '--b',
    '\r\n\r\n',
  ],
  ...[
    '; filename="x.exe"',
    '; name*0*=',
    "utf-8''%41",
    '=?utf-8?q?x?=',
    '(comment)',
    'begin 644 x.exe\r\n',
    '`\r\nend\r\n',
  ],
  ...['QUJD\r\n', '=\r\n', '=3D', ' \r\n', '\t', '\0', '\x80', ';', '"', '\\"'],
]

export const targets: readonly Target[] = [
  {
    name: 'data',
    seeds: octetsOf(
      'Subject: x\r\n\r\nbody\r\n..dot\r\n.\r\nNOOP\r\n',
      '.\r\n',
      '\r\n.\r\n',
      `${nested}.\r\n`,
    ),
    tokens: [
      '\r\n',
      '\r\n.\r\n',
      '\r\n..',
      '.',
      '\r',
      '\n',
      '\n.\n',
      '\r.\r',
      '\0',
      ': ',
      ' ',
      '\r\n.\r',
      '\n.\r\n',
    ],
    run: runData,
    maxBytes: 1024 * 1024,
  },
  { name: 'mime', seeds: octetsOf(nested), tokens: mimeWords, run: runMime, maxBytes: 512 * 1024 },
  {
    name: 'header-fields',
    seeds: octetsOf(
      'From: a@b.test\r\nSubject: x\r\n y\r\n\tz\r\nX : 1\r\n\r\nbody',
      'a\n:\nb:\n \n c:d',
    ),
    tokens: [
      '\r\n',
      '\n',
      ' ',
      '\t',
      ':',
      ' :',
      '\r\n ',
      '\r',
      '\0',
      '\xff',
      'Subject: ',
      'X-Postern-Receipt: ',
    ],
    run: runHeader,
    maxBytes: 512 * 1024,
  },
  {
    name: 'bounce-message',
    seeds: octetsOf(
      'ann@sender.test\nFrom: a@b.test\r\nSubject: caf\u00e9\r\nMessage-ID: <1@b.test>\r\n\r\n',
      'jörg@bücher.test\nAuto-Submitted: no\r\nList-Id: <x>\r\nPrecedence: bulk\r\n\r\n',
    ),
    tokens: [
      '\r\n',
      '\n',
      '\r',
      '\0',
      '.',
      '..\r\n',
      'Message-ID: <',
      '>',
      '@',
      'ü',
      'References: ',
      '"',
      '=?utf-8?q?',
      '\u2028',
    ],
    run: runBounce,
    maxBytes: 128 * 1024,
  },
]
