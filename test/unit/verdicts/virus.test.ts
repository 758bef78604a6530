/** The virus verdict: by a real clamd, and by stand-ins for one that fails in a way it can't be made to. */
import { execFileSync } from 'node:child_process'
import { createServer, type Server, type Socket } from 'node:net'
import { crc32, deflateRawSync } from 'node:zlib'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { clamdConf, confProblems, eicar } from '../../../src/verdicts/clamd-own.ts'
import { clamdScanner, judged, type VirusOptions } from '../../../src/verdicts/virus.ts'
import { clamdEngine, type RunningClamd, startClamd } from '../../support/clamd.ts'
import { captured } from './auth-support.ts'

let clamd: RunningClamd
beforeAll(async () => {
  clamd = await startClamd()
})
afterAll(() => clamd.stop())

const soon = (): AbortSignal => AbortSignal.timeout(20_000)
const scannerAt = (place: string, options: Partial<VirusOptions> = {}) =>
  clamdScanner({
    place,
    scan: 'attachments',
    concurrency: 4,
    testSignaturesOnly: false,
    ...options,
  })
const scan = (message: string | Buffer, options: Partial<VirusOptions> = {}, place = clamd.place) =>
  scannerAt(place, options).scan(captured(message), soon())
/** As what is read from the disk. */
const scanRead = (message: string | Buffer, place = clamd.place) =>
  scannerAt(place).scan(captured(message, pieces(Buffer.from(message))), soon())
const pieces = (octets: Buffer): Buffer[] =>
  Array.from({ length: Math.ceil(octets.length / 256_000) }, (_, index) =>
    octets.subarray(index * 256_000, (index + 1) * 256_000),
  )

const lines = (...all: string[]): string => `${all.join('\r\n')}\r\n`
const head = (...fields: string[]): string =>
  lines('From: <a@b.test>', 'Subject: x', 'MIME-Version: 1.0', ...fields, '')
const mixed = 'Content-Type: multipart/mixed; boundary="b"'
const wrapped = (octets: Buffer): string =>
  (octets.toString('base64').match(/.{1,76}/g) ?? []).join('\r\n')

function attached(octets: Buffer, type = 'application/octet-stream', name = 'file.bin'): string {
  return (
    head(mixed) +
    lines('--b', 'Content-Type: text/plain', '', 'see the file', '--b') +
    lines(`Content-Type: ${type}; name="${name}"`, 'Content-Transfer-Encoding: base64', '') +
    lines(wrapped(octets), '--b--')
  )
}

/** A ZIP archive of one deflated file (APPNOTE 4.3); `flags` 1 says that it is encrypted. */
function zipped(name: string, content: Buffer, flags = 0): Buffer {
  const packed = deflateRawSync(content)
  const local = Buffer.alloc(30)
  local.writeUInt32LE(0x04034b50, 0)
  local.writeUInt16LE(20, 4)
  local.writeUInt16LE(flags, 6)
  local.writeUInt16LE(8, 8)
  local.writeUInt32LE(crc32(content), 14)
  local.writeUInt32LE(packed.length, 18)
  local.writeUInt32LE(content.length, 22)
  local.writeUInt16LE(name.length, 26)
  const central = Buffer.alloc(46)
  central.writeUInt32LE(0x02014b50, 0)
  central.writeUInt16LE(20, 4)
  local.copy(central, 6, 4, 30)
  const offset = local.length + name.length + packed.length
  const end = Buffer.alloc(22)
  end.writeUInt32LE(0x06054b50, 0)
  end.writeUInt16LE(1, 8)
  end.writeUInt16LE(1, 10)
  end.writeUInt32LE(central.length + name.length, 12)
  end.writeUInt32LE(offset, 16)
  return Buffer.concat([local, Buffer.from(name), packed, central, Buffer.from(name), end])
}

const virus = Buffer.from(eicar)
const found = { verdict: 'FAIL', reason: 'infected', engine: clamdEngine }
const uuencodedEicar = (): string => {
  const encoded = execFileSync(
    '/usr/bin/python3',
    [
      '-c',
      "import sys,binascii; d=sys.stdin.buffer.read(); print('begin 644 e.com'); [sys.stdout.write(binascii.b2a_uu(d[i:i+45]).decode()) for i in range(0,len(d),45)]; print('`'); print('end')",
    ],
    { input: virus },
  ).toString()
  return encoded.replaceAll('\n', '\r\n')
}

const infected = [
  [attached(virus), 'an attachment'],
  [attached(zipped('e.com', virus), 'application/zip'), 'in a zip'],
  [attached(zipped('a.zip', zipped('e.com', virus)), 'application/zip'), 'in a zip in a zip'],
  [
    head('Content-Type: application/octet-stream', 'Content-Transfer-Encoding: quoted-printable') +
      lines(eicar.replaceAll('=', '=3D')),
    'quoted-printable',
  ],
  [head() + lines('text') + uuencodedEicar(), 'uuencoded'],
  [attached(Buffer.concat([Buffer.alloc(10_000_000), virus])), 'at the end of ten megabytes'],
  [
    head(mixed) +
      lines('--b', 'Content-Type: message/rfc822', '') +
      attached(virus).replaceAll('--b', '--c').replaceAll('"b"', '"c"') +
      lines('--b--'),
    'in a message in a message',
  ],
  [`${lines('no header')}${attached(virus)}`, 'behind a first line that is no field'],
] as const

test.for(infected.map(([message, why]) => [why, message] as const))(
  'the test virus is FAIL: %s',
  async ([, message]) => {
    expect(await scan(message)).toMatchObject(found)
    expect(await scanRead(message)).toMatchObject(found)
  },
)

const part = lines(
  '--b',
  'Content-Type: application/x',
  'Content-Transfer-Encoding: base64',
  '',
  wrapped(virus),
  '--b--',
)
const hidden = [
  [head('Content-Type: multipart/mixed; boundary=x; boundary=b') + part, 'two boundaries'],
  [head('Content-Type: text/plain', mixed) + part, 'two types'],
  [head('Content-Type (a (b) c): multipart/mixed; boundary=b') + part, 'a comment in a comment'],
  [head('Content-(c)Type: multipart/mixed; boundary=b') + part, 'a comment in a name'],
  [
    head('Content-Type: multipart/mixed; x="y;boundary=z"; boundary=b') + part,
    'a semicolon in quotes',
  ],
  [head('Content-Type: multipart/mixed; boundary=b;z') + part, 'a semicolon behind the boundary'],
  [
    head(mixed) +
      part.replace(
        'Content-Transfer',
        'Content-Disposition: attachment; boundary=q\r\nContent-Transfer',
      ),
    'a boundary where none belongs',
  ],
  [
    head(mixed) + part.replace('base64', '7bit\r\nContent-Transfer-Encoding: base64'),
    'two encodings',
  ],
] as const

test.for(hidden.map(([message, why]) => [why, message] as const))(
  'hidden from some reader, never PASS: %s',
  async ([, message]) => {
    expect(['FAIL', 'GRAY']).toContain((await scan(message)).verdict)
    expect(['FAIL', 'GRAY']).toContain((await scanRead(message)).verdict)
  },
)

const clean = [
  [
    head() + lines('text'),
    {},
    { verdict: 'PASS', reason: 'nothing-to-scan' },
    'nothing but text (SES)',
  ],
  [
    head() + lines('text'),
    { scan: 'all' },
    { verdict: 'PASS', engine: clamdEngine },
    'virus.scan: all',
  ],
  [attached(Buffer.from('clean')), {}, { verdict: 'PASS', engine: clamdEngine }, 'a clean file'],
  ['', { scan: 'all' }, { verdict: 'PASS' }, 'an empty message'],
  [
    attached(Buffer.from('clean')),
    { testSignaturesOnly: true },
    { verdict: 'GRAY', reason: 'test-signatures-only' },
    'it was not really scanned',
  ],
  [
    head('Content-Type: multipart/mixed; boundary=b; boundary=c') + lines('--b', '', 'x', '--b--'),
    {},
    { verdict: 'GRAY', reason: 'ambiguous-mime' },
    'clean in one reading',
  ],
  [
    attached(zipped('e.com', Buffer.from('secret'), 1), 'application/zip'),
    {},
    { verdict: 'GRAY', reason: 'encrypted' },
    'nobody can look into it (P57)',
  ],
] as const

test.for(
  clean.map(([message, options, expected, why]) => [why, expected, message, options] as const),
)('%s: %j', async ([, expected, message, options]) => {
  expect(await scan(message, options)).toMatchObject(expected)
})

test('an archive beyond the limits is GRAY, not clean (P57)', async () => {
  const nested = Array.from({ length: 25 }).reduce<Buffer>(
    (inner, _) => zipped('a.zip', inner),
    virus,
  )
  const result = await scan(attached(nested, 'application/zip'))
  expect(result).toMatchObject({ verdict: 'GRAY', reason: 'limits-exceeded' })
})

test('more than StreamMaxLength is PROCESSING_FAILED, never clean (P54)', async () => {
  const small = await startClamd('StreamMaxLength 1M')
  try {
    const message = attached(Buffer.alloc(4_000_000))
    for (const result of [
      await scan(message, {}, small.place),
      await scanRead(message, small.place),
    ]) {
      expect(result.verdict).toBe('PROCESSING_FAILED')
      expect(['size-limit-exceeded', 'connection-lost']).toContain(result.reason)
    }
    expect(await scan(attached(virus), {}, small.place)).toMatchObject(found)
  } finally {
    await small.stop()
  }
})

test('clamd killed in the middle of a scan is PROCESSING_FAILED; a new one is used again', async () => {
  const victim = await startClamd()
  const scanner = scannerAt(victim.place)
  const big = Buffer.from(attached(Buffer.alloc(1_000_000)))
  let reads = 0
  const message = {
    ...captured(big),
    async *read() {
      reads += 1
      yield big.subarray(0, 700_000)
      // The first to read is the MIME walk, the second is the scan.
      if (reads === 2) await victim.stop()
      yield big.subarray(700_000)
    },
  }
  const result = await scanner.scan(message, soon())
  expect([reads, result.reason]).toEqual([2, 'connection-lost'])
  expect(result.verdict).toBe('PROCESSING_FAILED')
  expect(await scanner.health()).toMatch(/^clamd: .*start clamd/)
  expect(await scan(attached(virus))).toMatchObject(found)
})

describe('a clamd that', () => {
  let server: Server | undefined
  const sockets = new Set<Socket>()
  afterEach(async () => {
    for (const each of sockets) each.destroy()
    sockets.clear()
    await new Promise((resolve) => server?.close(resolve))
  })

  async function played(behave: (socket: Socket) => void): Promise<string> {
    server = createServer((socket) => {
      sockets.add(socket)
      socket.on('error', () => {})
      behave(socket)
    })
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
  }
  /** In a session, with the number of its first question. */
  const atEnd = (reply: string) => (socket: Socket) => {
    let number = ''
    socket.on('data', (octets) => {
      if (octets.toString('latin1').startsWith('zIDSESSION\0')) number = '1: '
      if (octets.subarray(-4).equals(Buffer.alloc(4))) socket.end(reply && number + reply)
    })
  }

  const answers = [
    ['says nothing and closes', atEnd(''), 'connection-lost'],
    ['answers garbage', atEnd('\x00\x01'), 'clamd-answer'],
    ['answers OK about something else', atEnd('other: OK\0'), 'clamd-answer'],
    ['answers OK without an end', atEnd('stream: OK'), 'connection-lost'],
    ['answers OK and more', atEnd('stream: OK ERROR\0'), 'clamd-error'],
    ['answers ERROR', atEnd('stream: Can not allocate memory ERROR\0'), 'clamd-error'],
    ['answers that its time is over (P50)', atEnd('COMMAND READ TIMED OUT\0'), 'clamd-answer'],
    [
      'answers that the stream is too large',
      atEnd('INSTREAM size limit exceeded. ERROR\0'),
      'size-limit-exceeded',
    ],
    [
      'answers without end',
      (socket: Socket) => void socket.write('x'.repeat(100_000)),
      'clamd-answer',
    ],
    [
      'resets the connection',
      (socket: Socket) => void socket.once('data', () => socket.resetAndDestroy()),
      'connection-lost',
    ],
  ] as const
  test.for(answers)('%s is PROCESSING_FAILED', async ([, behave, reason]) => {
    const place = await played(behave)
    const failed = { verdict: 'PROCESSING_FAILED', reason }
    expect(await scan(attached(virus), {}, place)).toMatchObject(failed)
    expect(await scanRead(attached(virus), place)).toMatchObject(failed)
  })

  test('answers before it has all is believed', async () => {
    const early = (socket: Socket) => void socket.write('stream: Early FOUND\0')
    const message = attached(Buffer.alloc(5_000_000))
    expect(await scanRead(message, await played(early))).toMatchObject({
      verdict: 'FAIL',
      signature: 'Early',
    })
  })

  test('hangs, or drips its answer, is PROCESSING_FAILED when the time is over, and its socket is gone', async () => {
    const closed = Promise.withResolvers<void>()
    const drips = (socket: Socket) => {
      const timer = setInterval(() => socket.write('s'), 20)
      socket.once('close', () => {
        clearInterval(timer)
        closed.resolve()
      })
    }
    const place = await played(drips)
    const result = await scannerAt(place).scan(captured(attached(virus)), AbortSignal.timeout(300))
    expect(result).toMatchObject({ verdict: 'PROCESSING_FAILED', reason: 'timeout' })
    await closed.promise
  })

  test('does not read makes the source wait: memory does not grow with the message', async () => {
    const place = await played((socket) => void socket.pause())
    let given = 0
    const piece = Buffer.from(`${'x'.repeat(62)}\r\n`.repeat(4096))
    const message = {
      ...captured(attached(Buffer.alloc(10))),
      size: 40_000_000,
      async *read() {
        yield Buffer.from(head())
        for (given = 0; given < 40_000_000; given += piece.length) yield piece
      },
    }
    const result = await scannerAt(place, { scan: 'all' }).scan(message, AbortSignal.timeout(2500))
    expect(result.reason).toBe('timeout')
    // The walk has read it all; the stream to clamd stopped at what sockets hold.
    expect(given).toBeLessThan(20_000_000)
  })

  test('is not there costs nothing after a few messages', async () => {
    const scanner = scannerAt('unix:/nonexistent/clamd.sock')
    const message = captured(attached(virus))
    for (let time = 0; time < 8; time += 1) {
      expect(await scanner.scan(message, soon())).toMatchObject({
        verdict: 'PROCESSING_FAILED',
        reason: 'clamd-unavailable',
      })
    }
  })
})

const replies = [
  ['stream: OK', 'PASS'],
  ['stream: OK ', 'PROCESSING_FAILED'],
  ['', 'PROCESSING_FAILED'],
  ['stream: Win.Test FOUND', 'FAIL'],
  ['stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND', 'GRAY'],
  ['stream: Heuristics.Encrypted.Zip FOUND', 'GRAY'],
  ['stream: Heuristics.Phishing.Email FOUND', 'FAIL'],
  ['stream: a\nb FOUND', 'PROCESSING_FAILED'],
] as const
test.for(replies)('clamd says %j: %s', ([answer, verdict]) => {
  expect(judged(answer).verdict).toBe(verdict)
})

describe('clamd.conf', () => {
  test('ours is one that the checker has nothing against', () => {
    const text = clamdConf({
      socket: '/s',
      database: '/d',
      work: '/w',
      maxMessageBytes: 41_943_040,
    })
    expect(confProblems(text, 41_943_040)).toEqual([])
  })
  test("Debian's is told to be mended", () => {
    const problems = confProblems('StreamMaxLength 25M\nAlertEncrypted false\n', 41_943_040)
    expect(problems.join()).toMatch(/StreamMaxLength 41M.*AlertExceedsMax yes.*AlertEncrypted yes/s)
  })
})
