/** The spam verdict: by a real rspamd, and by stand-ins for one that fails in a way it can't be made to. */
import { getEventListeners } from 'node:events'
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { createServer as createSecureServer } from 'node:https'
import { getCACertificates, setDefaultCACertificates, type TLSSocket } from 'node:tls'
import { generate } from 'selfsigned'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import type { Envelope } from '../../../src/mail/envelope.ts'
import { headersOf, judged, rspamdFilter, type SpamOptions } from '../../../src/verdicts/spam.ts'
import { type RunningRspamd, rspamdEngine, startRspamd } from '../../support/rspamd.ts'
import { captured } from './auth-support.ts'

let rspamd: RunningRspamd
beforeAll(async () => {
  rspamd = await startRspamd()
})
afterAll(() => rspamd.stop())

const envelope: Envelope = {
  remoteIp: '192.0.2.10',
  remoteHost: 'mail.example.test',
  helo: 'client.example.test',
  reversePath: 'a@example.test',
  recipients: ['you@here.test', 'them@here.test'],
  protocol: 'ESMTP',
}
const gtube = ['XJS*C4JDBQADN1.NSBN3*2IDNEN*', 'GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'].join('')
const message = (subject: string, body = 'hello'): string =>
  `From: <a@example.test>\r\nTo: <you@here.test>\r\nSubject: ${subject}\r\nDate: Mon, 02 Mar 2026 09:15:27 +0000\r\nMessage-ID: <1@example.test>\r\n\r\n${body}\r\n`

const soon = (): AbortSignal => AbortSignal.timeout(15_000)
const filterAt = (url: string, options: Partial<SpamOptions> = {}) =>
  rspamdFilter({
    url,
    hostname: 'mx.here.test',
    grayScore: 6,
    failScore: 15,
    concurrency: 4,
    ...options,
  })
const judge = (
  text: string | Buffer,
  options: Partial<SpamOptions> = {},
  of: Envelope = envelope,
  signal = soon(),
) => filterAt(options.url ?? rspamd.url, options).judge(captured(text), of, signal)

const real = [
  [message('hi'), {}, { verdict: 'PASS', engine: rspamdEngine, action: 'no action' }, 'ham'],
  [
    message('cheap pills'),
    {},
    {
      verdict: 'GRAY',
      reason: 'spam-score',
      score: 8,
      action: 'add header',
      symbols: [
        { name: 'SUBJECT_SPAM', score: 8 },
        { name: 'ENVELOPE', score: 0 },
      ],
    },
    'a score of 8',
  ],
  [
    message('cheap pills'),
    { failScore: 8 },
    { verdict: 'FAIL', reason: 'spam-score' },
    'our thresholds decide',
  ],
  [message('cheap pills'), { grayScore: 9 }, { verdict: 'PASS' }, 'both ways'],
  [
    message('hi', gtube),
    {},
    { verdict: 'FAIL', reason: 'rspamd-reject', action: 'reject' },
    'GTUBE',
  ],
  [
    message('hi', gtube),
    { failScore: 1000 },
    { verdict: 'FAIL' },
    'what rspamd rejects is FAIL at any threshold',
  ],
  [
    message('hi', 'x'.repeat(70).concat('\r\n').repeat(140_000)),
    {},
    { verdict: 'PASS' },
    'ten megabytes',
  ],
] as const

test.for(real.map(([text, options, expected, why]) => [why, expected, text, options] as const))(
  'real rspamd, %s: %j',
  async ([, expected, text, options]) => {
    expect(await judge(text, options)).toMatchObject(expected)
  },
)

test.for(['', 'no header', '\r\n\r\n', 'From: x\r\n\r\n\xff\xfe'])(
  '%j is judged or told to have failed',
  async (text) => {
    const { verdict, reason } = await judge(text)
    expect(['PASS', 'GRAY', 'PROCESSING_FAILED']).toContain(verdict)
    if (verdict === 'PROCESSING_FAILED') expect(reason).toMatch(/^rspamd-/)
  },
)

test('the envelope arrives as it is', async () => {
  const answer = await fetch(`${rspamd.url}/checkv2`, {
    method: 'POST',
    body: message('hi'),
    headers: Object.entries(headersOf(envelope, 'mx.here.test')).flatMap(([name, value]) =>
      [value].flat().map((each) => [name, each] as [string, string]),
    ),
  })
  const { symbols } = (await answer.json()) as { symbols: { ENVELOPE: { options: string[] } } }
  // Address, HELO, reverse-path, PTR name; fetch joins the recipients into one field.
  expect(symbols.ENVELOPE.options[0]).toMatch(
    /^192\.0\.2\.10\|client\.example\.test\|a@example\.test\|[12]\|mail\.example\.test$/,
  )
})

const addresses = [
  ['a@example.test', 'a@example.test', 'as it is'],
  ['', '', 'the null reverse-path'],
  ['"a b"@example.test', '"a b"@example.test', 'a quoted local part'],
  ['jürgen@exämple.test', 'j%C3%BCrgen@xn--exmple-cua.test', 'rspamd knows no SMTPUTF8 (P34)'],
  ['a\r\nRcpt: x@y.test', 'a%0D%0ARcpt: x@y.test', 'no header of the sender’s own'],
] as const

test.for(addresses)('reverse-path %j is sent as %j: %s', async ([reversePath, sent]) => {
  expect(headersOf({ ...envelope, reversePath }, 'mx')['From']).toBe(sent)
  expect((await judge(message('hi'), {}, { ...envelope, reversePath })).verdict).toBe('PASS')
})

test('hostile HELO names and a thousand recipients are no trouble', async () => {
  const recipients = Array.from({ length: 1000 }, (_, index) => `u${index}@here.test`)
  for (const helo of ['a\r\nFrom: x', 'hä\0', 'x'.repeat(2000), '\ud800']) {
    const found = await judge(message('hi'), {}, { ...envelope, helo, recipients })
    expect(found.verdict).toBe('PASS')
  }
})

describe('a rspamd that', () => {
  let server: Server | undefined
  afterEach(async () => {
    server?.closeAllConnections()
    await new Promise((resolve) => server?.close(resolve))
  })
  async function played(
    behave: (response: ServerResponse, request: IncomingMessage) => void,
  ): Promise<string> {
    server = createServer((request, response) => {
      request.on('error', () => {})
      request.resume().on('end', () => behave(response, request))
    })
    return `http://${await listening()}`
  }
  async function listening(): Promise<string> {
    await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
    const address = server?.address()
    return `127.0.0.1:${typeof address === 'object' ? address?.port : 0}`
  }
  const says =
    (body: string, status = 200) =>
    (response: ServerResponse) => {
      response.writeHead(status, { server: 'rspamd/9.9' }).end(body)
    }
  const good = '{"score":1,"action":"no action","symbols":{}}'

  const answers = [
    ['answers 500', says(good, 500), 'rspamd-error'],
    ['answers 403', says(good, 403), 'rspamd-error'],
    [
      'redirects',
      (response: ServerResponse) => void response.writeHead(302, { location: rspamd.url }).end(),
      'rspamd-error',
    ],
    ['answers nothing', says(''), 'rspamd-answer'],
    ['answers no JSON', says('<html>'), 'rspamd-answer'],
    ['answers half of its JSON', says(good.slice(0, -5)), 'rspamd-answer'],
    ['answers a list', says('[]'), 'rspamd-answer'],
    ['answers null', says('null'), 'rspamd-answer'],
    ['has no score', says('{"action":"no action"}'), 'rspamd-answer'],
    ['has a score in quotes', says('{"score":"1","action":"no action"}'), 'rspamd-answer'],
    ['has a score without end', says('{"score":1e999,"action":"no action"}'), 'rspamd-answer'],
    ['has no action', says('{"score":1}'), 'rspamd-answer'],
    ['has an action of its own', says('{"score":1,"action":"accept"}'), 'rspamd-answer'],
    [
      'skipped the message',
      says('{"score":0,"action":"no action","is_skipped":true}'),
      'rspamd-skipped',
    ],
    [
      'answers in chunks, which it was not asked for',
      (_: ServerResponse, request: IncomingMessage) =>
        void request.socket.end(
          `HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n${good.length.toString(16)}\r\n${good}\r\n0\r\n\r\n`,
        ),
      'rspamd-answer',
    ],
    [
      'answers without a head',
      (_: ServerResponse, request: IncomingMessage) => void request.socket.end(good),
      'rspamd-connection-lost',
    ],
    [
      'answers without end',
      says(`{"score":1,"action":"no action","x":"${'y'.repeat(5_000_000)}"}`),
      'rspamd-answer',
    ],
    [
      'cuts the answer',
      (response: ServerResponse) => {
        response.writeHead(200, { 'content-length': 1000 }).write(good)
        setImmediate(() => response.destroy())
      },
      'rspamd-connection-lost',
    ],
    [
      'resets the connection',
      (_: ServerResponse, request: IncomingMessage) => void request.socket.resetAndDestroy(),
      'rspamd-connection-lost',
    ],
  ] as const
  test.for(answers)('%s is PROCESSING_FAILED', async ([, behave, reason]) => {
    const found = await judge(message('hi'), { url: await played(behave) })
    expect(found).toMatchObject({ verdict: 'PROCESSING_FAILED', reason })
  })

  const slow = [
    ['hangs', () => {}],
    [
      'drips',
      (response: ServerResponse) => {
        const timer = setInterval(() => response.write(' '), 20)
        response.once('close', () => clearInterval(timer))
      },
    ],
  ] as const
  test.for(slow)('%s is PROCESSING_FAILED when the time is over', async ([, behave]) => {
    const url = await played(behave)
    const found = await judge(message('hi'), { url }, envelope, AbortSignal.timeout(300))
    expect(found).toMatchObject({ verdict: 'PROCESSING_FAILED', reason: 'timeout' })
  })

  test('says no length is understood at the end of its connection', async () => {
    const url = await played((response) => {
      response.writeHead(200, { server: 'rspamd/9.9' }).write(good.slice(0, 10))
      setImmediate(() => response.end(good.slice(10)))
    })
    expect(await judge(message('hi'), { url })).toMatchObject({
      verdict: 'PASS',
      engine: 'rspamd@9.9',
    })
  })

  test('answers before it has all is believed', async () => {
    server = createServer((request) => {
      request.on('error', () => {})
      request.socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${good.length}\r\n\r\n${good}`)
    })
    const url = `http://${await listening()}`
    expect((await judge(Buffer.alloc(20_000_000, 'x'), { url })).verdict).toBe('PASS')
  })

  test('gets the message as it is, in memory or read, below the path of its URL', async () => {
    const got: { readonly request: IncomingMessage; readonly body: Buffer }[] = []
    server = createServer((request, response) => {
      const pieces: Buffer[] = []
      request.on('data', (octets) => pieces.push(octets))
      request.on('end', () => {
        got.push({ request, body: Buffer.concat(pieces) })
        response.end(good)
      })
    })
    const host = await listening()
    const octets = Buffer.from(Array.from({ length: 1_000_000 }, (_, index) => (index * 31) & 255))
    const pieces = [octets.subarray(0, 300_000), Buffer.alloc(0), octets.subarray(300_000)]
    const paths = { '': '/checkv2', '/': '/checkv2', '/a/b': '/a/b/checkv2', '/a/': '/a/checkv2' }
    for (const [path, url] of Object.entries(paths)) {
      for (const given of [captured(octets), captured(octets, pieces)]) {
        const filter = filterAt(`http://${host}${path}`)
        expect((await filter.judge(given, envelope, soon())).verdict).toBe('PASS')
        const { request, body } = got.pop() ?? {}
        expect(request).toMatchObject({ url, httpVersion: '1.0', headers: { host } })
        expect(body?.equals(octets)).toBe(true)
      }
    }
  })

  test('leaves nothing on the signal, whatever it does', async () => {
    const stop = new AbortController()
    const closed = Promise.withResolvers<void>()
    const turns = [
      [says(good), undefined],
      [says('', 500), 'rspamd-error'],
      [(response: ServerResponse) => void response.destroy(), 'rspamd-connection-lost'],
      [
        (_: ServerResponse, { socket }: IncomingMessage) => {
          socket.once('close', () => closed.resolve())
          stop.abort()
        },
        'timeout',
      ],
    ] as const
    let turn = 0
    const url = await played((response, request) => turns[turn]?.[0](response, request))
    for (const [, reason] of turns) {
      const found = await judge(message('hi'), { url }, envelope, stop.signal)
      expect([found.reason, getEventListeners(stop.signal, 'abort')]).toEqual([reason, []])
      turn += 1
    }
    await closed.promise
  })

  const certificates = [
    // its name, whether it is trusted, verdict, why
    ['127.0.0.1', true, 'PASS', 'as it should be'],
    ['127.0.0.1', false, 'PROCESSING_FAILED', 'nobody vouches for it'],
    ['127.0.0.2', true, 'PROCESSING_FAILED', 'it is of another'],
  ] as const
  test.for(certificates)(
    'has a certificate of %s, trusted: %s, is %s: %s',
    async ([ip, trusted, verdict]) => {
      const { private: key, cert } = await generate([{ name: 'commonName', value: 'rspamd' }], {
        extensions: [{ name: 'subjectAltName', altNames: [{ type: 7, ip }] }],
      })
      const sessions: boolean[] = []
      server = createSecureServer({ key, cert }, (request, response) => {
        sessions.push((request.socket as TLSSocket).isSessionReused())
        request.resume().on('end', () => response.end(good))
      }) as unknown as Server
      const url = `https://${await listening()}`
      const before = getCACertificates('default')
      try {
        if (trusted) setDefaultCACertificates([...before, cert])
        const filter = filterAt(url)
        for (let time = 0; time < 2; time += 1)
          expect((await filter.judge(captured(message('hi')), envelope, soon())).verdict).toBe(
            verdict,
          )
      } finally {
        setDefaultCACertificates(before)
      }
      // The second handshake is the short one.
      expect(sessions).toEqual(verdict === 'PASS' ? [false, true] : [])
    },
  )

  test('is not there is PROCESSING_FAILED, and says how to mend it', async () => {
    const url = 'http://127.0.0.1:9'
    expect(await judge(message('hi'), { url })).toEqual({
      verdict: 'PROCESSING_FAILED',
      reason: 'rspamd-unavailable',
    })
    expect(await filterAt(url).health()).toMatch(/^rspamd: .*ECONNREFUSED.*start rspamd/)
  })

  test('invents symbols has few of them kept', () => {
    const many = Object.fromEntries(
      Array.from({ length: 5000 }, (_, index) => [`S${index}`, { score: index / 100 }]),
    )
    const symbols = { ...many, 'a b\n': { score: 99 }, __proto__x: 'y', N: { score: null } }
    const body = JSON.stringify({ score: 1, action: 'greylist', symbols })
    const found = judged({ status: 200, server: undefined, body }, { grayScore: 6, failScore: 15 })
    expect(found).toMatchObject({ verdict: 'PASS', engine: 'rspamd' })
    expect(found.symbols).toHaveLength(100)
    expect(found.symbols?.[0]).toEqual({ name: 'S4999', score: 49.99 })
  })
})
