/**
 * Exact or refused (D§2.4): what stands between DATA and the final dot comes back from the store octet
 * for octet, however TCP cut it, or is refused with a reply that says why. The shapes are those that
 * Haraka alone would change without a word (pitfalls P1–P8, B5) and others as odd; the ends of data
 * are those of SMTP smuggling (B6, P9, P75).
 */
import { setImmediate as turn } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { replies } from '../../src/haraka/replies.ts'
import { type RunningPostern, startPostern, stopAll } from '../support/postern.ts'
import { type Reply, SmtpClient, stuffed } from '../support/smtp-client.ts'
import {
  atRandom,
  everyOctet,
  insideLineEnds,
  insideTheEnd,
  seededRandom,
} from '../support/splits.ts'

let postern: RunningPostern
/** Ids of all messages that got a 250, in any test of this file. */
const accepted: string[] = []
let refusals = 0

beforeAll(async () => {
  postern = await startPostern()
})
afterAll(stopAll)

const latin1 = (text: string): Buffer => Buffer.from(text, 'latin1')
const utf8 = (text: string): Buffer => Buffer.from(text, 'utf8')

/** Every octet but NUL, CR and LF, `times` over, in lines that end where a line may. */
function allOctets(times: number): Buffer {
  const octets = Array.from({ length: 256 }, (_, octet) => octet)
  const kept = octets.filter((octet) => ![0, 10, 13].includes(octet))
  const line = Buffer.concat([Buffer.from(kept), latin1('\r\n')])
  return Buffer.concat(Array.from({ length: times }, () => line))
}

/** Base64 of octets that the seed decides, in lines of 76. */
function base64(bytes: number): string {
  const random = seededRandom(bytes)
  const octets = Buffer.from(Array.from({ length: bytes }, () => Math.floor(random() * 256)))
  return octets.toString('base64').replace(/.{76}/g, '$&\r\n')
}

const h = 'From: <a@example.test>\r\nSubject: s\r\n'
const times = (count: number, text: (index: number) => string): string =>
  Array.from({ length: count }, (_, index) => text(index)).join('')

const exact: readonly (readonly [what: string, message: Buffer, why: string])[] = [
  ['a plain message', latin1(`${h}\r\nbody\r\n`), 'the control'],
  [
    'header octets that are no UTF-8',
    latin1('Subject: caf\xe9 \xff\xfe\xc3\x28\r\n\r\nb\r\n'),
    'P1: U+FFFD instead',
  ],
  ['UTF-8 in the header', utf8('Subject: žluťoučký 🐎\r\n\r\nb\r\n'), 'RFC 6532'],
  [
    'as many header lines as are allowed',
    latin1(`${times(999, (n) => `X-${n}: v\r\n`)}Subject: last\r\n\r\nb\r\n`),
    'P2: dropped above 1000, Subject among them',
  ],
  [
    'fields named like parts of a JavaScript object',
    latin1(
      'constructor: 1\r\n__proto__: 2\r\nprototype: 3\r\n.: 4\r\n..: 5\r\ntoString: 6\r\n\r\nb\r\n',
    ),
    'P3: they vanish',
  ],
  ...[992, 993, 997, 998, 999].map(
    (length) =>
      [
        `a line of ${length} octets`,
        latin1(`${h}\r\n${'x'.repeat(length)}\r\nafter\r\n`),
        'P5: a fold put in above 992; RFC 5321 §4.5.3.1.6 allows 998',
      ] as const,
  ),
  ['a line of 100 000 octets', latin1(`${h}\r\n${'y'.repeat(100_000)}\r\n`), 'P5'],
  [
    'a header line of 5 000 octets',
    latin1(`X-Long: ${'z'.repeat(5000)}\r\n${h}\r\nb\r\n`),
    'P5, and no line is folded by us',
  ],
  ['a line as long as is allowed', latin1(`${h}\r\n${'w'.repeat(1_000_000)}\r\n`), 'P23'],
  [
    'a stuffed line as long as is allowed',
    latin1(`${h}\r\n.${'w'.repeat(999_999)}\r\n`),
    'the dot that is removed does not count (RFC 5321 §4.5.3.1.6)',
  ],
  [
    'Authentication-Results of somebody else',
    latin1(
      `Authentication-Results: mx.example.test; spf=pass\r\n${h}authentication-results: x; dkim=pass\r\n\r\nb\r\n`,
    ),
    'P6: renamed and moved to the end',
  ],
  ['no line between header and body', latin1('Subject: s\r\nthis is not a field\r\nb\r\n'), 'P7'],
  ['a header and nothing else', latin1('Subject: s\r\n'), 'P7: a separator is added'],
  ['a body and nothing else', latin1('\r\nonly a body\r\n'), 'RFC 5322 §3.5: the header is empty'],
  ['a line that is no field', latin1('just words\r\n'), 'P7'],
  ['an empty message', latin1(''), 'RFC 5321 §4.1.1.4: the end follows DATA at once; P19'],
  ['one empty line', latin1('\r\n'), 'the shortest that has a separator'],
  ['three empty lines', latin1('\r\n\r\n\r\n'), 'the separator may be followed by more'],
  ['a lone dot', latin1(`${h}\r\n.\r\n`), 'RFC 5321 §4.5.2: two on the wire; P19'],
  ['nothing but a dot', latin1('.\r\n'), 'stuffed at the very first octet'],
  [
    'lines that begin with one, two and three dots',
    latin1(`${h}\r\n.a\r\n..b\r\n...c\r\n....\r\n. \r\n`),
    'RFC 5321 §4.5.2: exactly one dot is removed',
  ],
  [
    'a header that begins with dots',
    latin1('..: a\r\n.x: b\r\n\r\nb\r\n'),
    'P3 and §4.5.2 at once',
  ],
  [
    'dots within and at the end of lines',
    latin1(`${h}\r\na.\r\n a.\r\n\t.\r\nb..\r\n`),
    'only a first dot is stuffed',
  ],
  [
    'spaces and tabs at the ends of lines',
    latin1(`Subject: s \t \r\nX: \t\r\n\r\nbody \r\n\t\r\n \r\nend\t\r\n`),
    'DKIM simple canonicalisation sees them (RFC 6376 §3.4.3)',
  ],
  [
    'lines of nothing but white space in the header',
    latin1('Subject: s\r\n \t \r\n\t\r\nX: y\r\n\r\nb\r\n'),
    'RFC 5322 §4.2 obsolete folding: no separator',
  ],
  [
    'folds of every kind',
    latin1(
      'Subject:\r\n s\r\n\tt\r\n  \t u\r\nX:a\r\n \r\nY :b\r\nTo: a@example.test,\r\n\tb@example.test\r\n\r\nb\r\n',
    ),
    'P4: refolded or joined',
  ],
  [
    'one field of 300 folded lines',
    latin1(`References:${times(300, (n) => `\r\n <${n}@example.test>`)}\r\n${h}\r\nb\r\n`),
    'long threads have it',
  ],
  [
    'sixty Received fields',
    latin1(
      `${times(60, (n) => `Received: from a by b.example.test id ${n};\r\n\tThu, 1 Jan 2026 00:00:00 +0000\r\n`)}${h}\r\nb\r\n`,
    ),
    'below the limit of hops',
  ],
  [
    'fields twice and thrice',
    latin1('Subject: a\r\nSubject: b\r\nsubject: c\r\nFrom: <a@example.test>\r\n\r\nb\r\n'),
    'order and case are kept',
  ],
  [
    'fields without a value',
    latin1('Subject:\r\nX: \r\n: no name\r\nBcc:\r\n\r\nb\r\n'),
    'RFC 5322 §3.6.8 wants a name, senders do not',
  ],
  [
    'forged fields of ours',
    latin1(
      `Return-Path: <x@example.test>\r\nX-SES-Spam-Verdict: PASS\r\nX-Postern-Receipt: e30=\r\nReceived: forged\r\n${h}\r\nb\r\n`,
    ),
    'kept as they are, below ours (D§6)',
  ],
  [
    'an mbox From line before the header',
    latin1(`From a@example.test Thu Jan  1 00:00:00 2026\r\n${h}\r\nFrom here\r\n>From\r\n`),
    'P7: broken header',
  ],
  [
    'a message with an attachment in base64',
    latin1(
      `${h}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary="b"\r\n\r\n--b\r\n\r\ntext\r\n--b\r\nContent-Type: application/octet-stream\r\nContent-Transfer-Encoding: base64\r\n\r\n${base64(120_000)}\r\n--b--\r\n`,
    ),
    'the usual large message',
  ],
  [
    'broken MIME',
    latin1(
      `${h}Content-Type: multipart/mixed; boundary="b"\r\nContent-Type: multipart/mixed; boundary="c"\r\n\r\n--b\r\nno end\r\n--c\r\n--c--\r\n--b--\r\n`,
    ),
    'B12: it is nothing to us',
  ],
  [
    'every octet but NUL, CR and LF',
    Buffer.concat([latin1(`${h}\r\n`), allOctets(3)]),
    '8BITMIME (RFC 6152) promises it',
  ],
  [
    'every octet but those three in the header',
    Buffer.concat([latin1('X: '), allOctets(1), latin1('\r\nb\r\n')]),
    'P1, and control characters',
  ],
  [
    'octets of UTF-8 cut where TCP likes',
    utf8(`${h}\r\n${'€😀ä'.repeat(50)}\r\n`),
    'text must never be decoded piece by piece',
  ],
  [
    '31 MB, lines of all lengths, dots among them',
    large(31_000_000),
    'B5: the largest of the shapes',
  ],
]

/** Lines whose lengths and first octets the seed decides; one in four begins with a dot. */
function large(bytes: number): Buffer {
  const random = seededRandom(31)
  const block = latin1(
    times(
      2000,
      () => `${random() < 0.25 ? '.' : 'm'}${'abc.'.repeat(Math.floor(random() * 30))}\r\n`,
    ),
  )
  const copies = Math.floor(bytes / block.length)
  return Buffer.concat([latin1(`${h}\r\n`), ...Array.from({ length: copies }, () => block)])
}

/** The whole, and each way to cut it that its size allows. */
function splitsOf(wire: Buffer): Buffer[][] {
  const [first = [], ...others] = insideTheEnd(wire)
  const always = [[wire], first, ...others]
  if (wire.length > 2_000_000) return [[wire], atRandom(wire, 1), insideLineEnds(wire)]
  const more = [insideLineEnds(wire), ...[1, 2, 3].map((seed) => atRandom(wire, seed))]
  return wire.length <= 600 ? [...always, ...more, everyOctet(wire)] : [...always, ...more]
}

async function open(): Promise<SmtpClient> {
  const client = await SmtpClient.connect(postern)
  await client.hello()
  return client
}

/** One transaction; the pieces leave one by one, in packets of their own. */
async function send(client: SmtpClient, pieces: readonly Buffer[]): Promise<Reply> {
  const { code } = await client.envelope('sender@example.test', 'you@example.test')
  expect(code).toBe(354)
  for (const piece of pieces) {
    await client.writeAll(piece)
    if (pieces.length > 1) await turn()
  }
  const reply = await client.reply()
  if (reply.code === 250) accepted.push(reply.text.slice(3))
  else refusals += 1
  return reply
}

async function stored(id: string): Promise<Buffer> {
  const { original } = await (await postern.mailbox()).get(id)
  return Buffer.from(original)
}

describe(`the ${exact.length} shapes that are kept`, () => {
  const rows = exact.map(([what, message, why]) => [what, why, message] as const)
  test.for(rows)('%s is kept: %s', async ([, , message]) => {
    const client = await open()
    const ids: string[] = []
    for (const pieces of splitsOf(stuffed(message))) {
      const { code, text } = await send(client, pieces)
      expect([code, text]).toEqual([250, expect.stringMatching(/^OK [0-9a-v]{40}$/)])
      ids.push(text.slice(3))
    }
    await client.quit()
    await postern.delivered()
    for (const id of ids) expect((await stored(id)).equals(message)).toBe(true)
  })
})

const filler = latin1(`${'f'.repeat(998)}\r\n`)

const refused: readonly (readonly [
  what: string,
  message: Buffer,
  reply: keyof typeof replies,
  why: string,
])[] = [
  ['a CR alone in the body', latin1(`${h}\r\na\rb\r\n`), 'bareCr', 'P8, RFC 5321 §2.3.8'],
  ['a CR alone in the header', latin1(`Subject: a\rb\r\n\r\nb\r\n`), 'bareCr', 'P4: made a fold'],
  ['two CRs before LF', latin1(`${h}\r\na\r\r\n`), 'bareCr', 'some take it for a line end'],
  ['a LF alone in the body', latin1(`${h}\r\na\nb\r\n`), 'bareLf', 'P9'],
  ['a LF alone in the header', latin1('Subject: a\nX: b\r\n\r\nb\r\n'), 'bareLf', 'P9'],
  ['only LF as line end', latin1(`${h}\r\n`.replaceAll('\r', '')), 'bareLf', 'P9'],
  ['a NUL in the body', latin1(`${h}\r\na\x00b\r\n`), 'nul', 'P8, RFC 5322 §4'],
  ['a NUL in the header', latin1('Sub\x00ject: a\r\n\r\nb\r\n'), 'nul', 'P8'],
  [
    'a line longer than is allowed by one octet',
    latin1(`${h}\r\n${'x'.repeat(1_000_001)}\r\n`),
    'lineTooLong',
    'P23',
  ],
  ['3 MB without a line end', latin1(`${'x'.repeat(3_000_000)}\r\n`), 'lineTooLong', 'B7'],
  [
    'one header line more than is allowed',
    latin1(`${times(1001, (n) => `X-${n}: v\r\n`)}\r\nb\r\n`),
    'headerTooLarge',
    'P2',
  ],
  [
    'a header section of more octets than is allowed',
    Buffer.concat([
      ...Array.from({ length: 525 }, () => latin1(`X: ${filler}`)),
      latin1('\r\nb\r\n'),
    ]),
    'headerTooLarge',
    'P19, P24',
  ],
  [
    'more Received fields than is allowed',
    latin1(`${times(101, (n) => `Received: by b.example.test id ${n}\r\n`)}${h}\r\nb\r\n`),
    'mailLoop',
    'RFC 5321 §6.3',
  ],
  [
    'one octet more than SIZE says',
    Buffer.concat([latin1(`${h}\r\n`), ...Array.from({ length: 41_944 }, () => filler)]).subarray(
      0,
      40 * 1024 * 1024 + 1,
    ),
    'tooLarge',
    'RFC 1870 §6.3',
  ],
]

describe(`the ${refused.length} shapes that are refused`, () => {
  const rows = refused.map(([what, message, name, why]) => [what, name, why, message] as const)
  test.for(rows)('%s is refused as %s: %s', async ([, name, , message]) => {
    const client = await open()
    const { code, text } = replies[name].reply
    for (const pieces of splitsOf(stuffed(message))) {
      expect(await send(client, pieces)).toMatchObject({ code, text })
    }
    await goesOn(client)
  })
})

/** The session still works: one more message, which is exact. */
async function goesOn(client: SmtpClient): Promise<void> {
  const message = latin1(`${h}\r\n.goes on\r\n`)
  const { code, text } = await send(client, [stuffed(message)])
  expect(code).toBe(250)
  await client.quit()
  await postern.delivered()
  expect(await stored(text.slice(3))).toEqual(message)
}

const smuggled =
  'MAIL FROM:<smuggler@example.test>\r\nRCPT TO:<you@example.test>\r\nDATA\r\nSubject: smuggled\r\n\r\nsmuggled\r\n.\r\n'

/** Sequences that some server or other took for the end of data. */
const ends: readonly (readonly [
  sequence: string,
  reply: keyof typeof replies | 'kept',
  why: string,
])[] = [
  ['\n.\n', 'bareLf', 'the first of SMTP smuggling (CVE-2023-51764 and others)'],
  ['\n.\r\n', 'bareLf', 'P9: Haraka before 3.3.4'],
  ['\r\n.\n', 'bareLf', 'CVE-2023-51766, Exim'],
  ['\r.\r', 'bareCr', 'B6: content to Haraka'],
  ['\r.\n', 'bareCr', 'half and half'],
  ['\n.\r', 'bareCr', 'half and half'],
  ['\r.\r\n', 'bareCr', 'CVE-2023-51765, Sendmail'],
  ['\r\n.\r', 'bareCr', 'B6: content to Haraka'],
  ['\r\n.\r\r\n', 'bareCr', 'one CR too many at the end'],
  ['\r\n\x00.\r\n', 'nul', 'Cisco and others dropped NUL'],
  ['\r\n.\x00\r\n', 'nul', 'the same'],
  ['\r\n.\r\x00\n', 'bareCr', 'the same'],
  ['\n\n.\r\n', 'bareLf', 'an empty line of LF'],
  ['\r\n\n.\n', 'bareLf', 'LF, dot, LF after a good line end'],
  ['\n\r.\n\r', 'bareCr', 'the wrong way round'],
  ['\r\n..\r\n', 'kept', 'a stuffed dot is content'],
  ['\r\n. \r\n', 'kept', 'a dot and a space are content: one dot goes'],
  ['\r\n .\r\n', 'kept', 'a space and a dot are content'],
  ['\r\n.\t\r\n', 'kept', 'a dot and a tab are content'],
  ['\r\n.\xa0\r\n', 'kept', 'no-break space is not nothing'],
  ['\x85.\x85', 'kept', 'NEL of ISO 8859-1 is no line end'],
  ['\u2028.\u2028', 'kept', 'nor is the line separator of Unicode'],
  ['\x0b.\x0b', 'kept', 'nor is the vertical tab'],
  ['\x0c.\x0c', 'kept', 'nor is the form feed'],
]

const isWide = (text: string): boolean => /[^\x00-\xff]/.test(text)

describe(`the ${ends.length} ends of data that are none`, () => {
  test.for(
    ends.map(([sequence, reply, why]) => [JSON.stringify(sequence), reply, why, sequence] as const),
  )('%s: %s, because %s; nothing behind it is a command', async ([, reply, , sequence]) => {
    const text = `${h}\r\nbody${sequence}${smuggled}`
    const wire = isWide(sequence) ? utf8(text) : latin1(text)
    const client = await open()
    for (const pieces of splitsOf(wire)) {
      const answer = await send(client, pieces)
      if (reply === 'kept') {
        expect(answer.code).toBe(250)
        await postern.delivered()
        expect(await stored(answer.text.slice(3))).toEqual(unstuffed(wire))
      } else expect(answer).toMatchObject(replies[reply].reply)
    }
    await goesOn(client)
  })
})

/** What a message on the wire says: the obvious way, for what has no fault. */
function unstuffed(wire: Buffer): Buffer {
  const text = wire.toString('latin1')
  return latin1(text.slice(0, -3).replace(/(^|\r\n)\./g, '$1'))
}

test('a message sent together with DATA, before its 354, is exact as well, however all of it is cut', async () => {
  const message = latin1(`${h}\r\n.early\r\n..\r\nMAIL FROM:<x@example.test>\r\nQUIT\r\n`)
  const octets = Buffer.concat([
    latin1('MAIL FROM:<sender@example.test>\r\nRCPT TO:<you@example.test>\r\nDATA\r\n'),
    stuffed(message),
  ])
  const random = [1, 2, 3, 4, 5, 6, 7, 8].map((seed) => atRandom(octets, seed))
  const client = await open()
  const ids: string[] = []
  for (const pieces of [[octets], everyOctet(octets), insideLineEnds(octets), ...random]) {
    for (const piece of pieces) {
      client.write(piece)
      await turn()
    }
    const codes = [await client.reply(), await client.reply(), await client.reply()]
    expect(codes.map(({ code }) => code)).toEqual([250, 250, 354])
    const { code, text } = await client.reply()
    expect(code).toBe(250)
    ids.push(text.slice(3))
  }
  accepted.push(...ids)
  await goesOn(client)
  for (const id of ids) expect(await stored(id)).toEqual(message)
})

const trueEnds = [
  ['\r\n.\r\n', 250, 'a good message'],
  ['\r\r\n.\r\n', 554, 'a message with one CR too many, whose end is one all the same'],
] as const

test.for(trueEnds.map(([end, code, why]) => [JSON.stringify(end), code, why, end] as const))(
  'what follows %s at once is answered 503 line by line after the %i for %s',
  async ([, code, , end]) => {
    const client = await open()
    const reply = await send(client, [latin1(`${h}\r\nbody${end}${smuggled}`)])
    expect(reply.code).toBe(code)
    for (const _line of smuggled.split('\r\n').slice(0, -1)) {
      expect(await client.reply()).toMatchObject({
        code: 503,
        text: '5.5.1 Bad sequence of commands',
      })
    }
    await goesOn(client)
  },
)

test('the store holds one message for each 250 and none more', async () => {
  await postern.delivered()
  const keys: string[] = []
  for await (const { key } of (await postern.mailbox()).list()) keys.push(key)
  expect(keys).toEqual(accepted.toSorted())
  expect(postern.dead()).toEqual([])
  console.info(`Sent in all splits: ${accepted.length} kept exactly, ${refusals} refused`)
})
