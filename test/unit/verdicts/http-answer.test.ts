/** The reader of rspamd's answers: what it takes, what it refuses, wherever TCP cuts it; and that Node's own agrees. */
import { type IncomingMessage, request } from 'node:http'
import { createServer } from 'node:net'
import { expect, test } from 'vitest'
import { type Answer, answerReader } from '../../../src/verdicts/http-answer.ts'
import { atRandom, everyOctet } from '../../support/splits.ts'

/** The answer and after how many octets it was there; `undefined` when there was none at the end. */
function read(pieces: readonly Buffer[]): { answer: Answer; octets: number } | undefined {
  const take = answerReader()
  let octets = 0
  for (const piece of pieces) {
    octets += piece.length
    const answer = take(piece)
    if (answer !== undefined) return { answer, octets }
  }
  const answer = take(undefined)
  return answer && { answer, octets }
}
const of = (...lines: string[]): Buffer => Buffer.from(lines.join('\r\n'), 'latin1')
const ok = (body: string) => ({ status: 200, server: undefined, body })

const understood = [
  [of('HTTP/1.1 200 OK', 'Content-Length: 2', '', 'hi'), ok('hi'), 'as rspamd says it'],
  [of('HTTP/1.0 200 OK', 'Content-Length: 2', '', 'hi'), ok('hi'), 'the version that was asked in'],
  [of('HTTP/1.1 200 ', 'Content-Length: 2', '', 'hi'), ok('hi'), 'no phrase (RFC 9112 §4)'],
  [
    of('HTTP/1.1 200 OK', 'content-length:2  ', '', 'hi'),
    ok('hi'),
    'lower case, no space before it',
  ],
  [of('HTTP/1.1 200 OK', 'Content-Length: 0', '', ''), ok(''), 'nothing'],
  [of('HTTP/1.1 200 OK', '', 'hi'), ok('hi'), 'until the connection ends (§6.3)'],
  [of('HTTP/1.1 200 OK', '', ''), ok(''), 'nothing until the connection ends'],
  [
    of('HTTP/1.1 200 OK', 'Content-Length: 6', '', 'h\xc3\xbc\r\n\r\n'.slice(0, 6)),
    ok('hü\r\n\r'),
    'UTF-8, and what looks like the end of the head',
  ],
  [
    of('HTTP/1.1 200 OK', 'Server: rspamd/3.4', 'X: y: z', 'Content-Length: 2', '', 'hi'),
    { status: 200, server: 'rspamd/3.4', body: 'hi' },
    'who answers',
  ],
  [of('HTTP/1.1 302 Found', 'Location: /', '', 'hi'), { ...ok(''), status: 302 }, 'no redirect'],
  [
    of('HTTP/1.1 500 No', 'Content-Length: 9', '', ''),
    { ...ok(''), status: 500 },
    'not waited for',
  ],
] as const

test.for(understood.map(([octets, answer, why]) => [why, octets, answer] as const))(
  'is understood wherever it is cut: %s',
  ([, octets, expected]) => {
    const whole = read([octets])
    expect(whole?.answer).toEqual(expected)
    expect(read(everyOctet(octets))?.answer).toEqual(expected)
    for (let seed = 0; seed < 50; seed += 1)
      expect(read(atRandom(octets, seed))?.answer).toEqual(expected)
  },
)

test('what follows the body is not waited for, and not taken for it', () => {
  const octets = of('HTTP/1.1 200 OK', 'Content-Length: 2', '', 'hi there')
  expect(read([octets])?.answer).toEqual(ok('hi'))
  expect(read(everyOctet(octets))).toEqual({ answer: ok('hi'), octets: octets.length - 6 })
})

const refused = [
  [of('RSPAMD/1.3 0 EX_OK', '', ''), 'another protocol'],
  [of('HTTP/2 200', '', ''), 'another version'],
  [of('HTTP/1.1 2000 OK', '', ''), 'no status'],
  [of('HTTP/1.1  200 OK', '', ''), 'two spaces'],
  [of(' HTTP/1.1 200 OK', '', ''), 'a space before it'],
  [of('<html>', '', ''), 'no HTTP at all'],
  [of('HTTP/1.1 200 OK', 'Content-Length', '', ''), 'a field without a colon'],
  [of('HTTP/1.1 200 OK', 'A: b', ' Content-Length: 2', '', 'hi'), 'a folded line (§5.2)'],
  [of('HTTP/1.1 200 OK', 'Content-Length : 2', '', 'hi'), 'a space before the colon (§5.1)'],
  [of('HTTP/1.1 200 OK', ': 2', '', 'hi'), 'no name'],
  [of('HTTP/1.1 200 OK', 'Content-Length: -2', '', 'hi'), 'less than nothing'],
  [of('HTTP/1.1 200 OK', 'Content-Length: 2, 2', '', 'hi'), 'a list'],
  [of('HTTP/1.1 200 OK', 'Content-Length: 0x2', '', 'hi'), 'another base'],
  [of('HTTP/1.1 200 OK', 'Content-Length:', '', 'hi'), 'an empty length'],
  [of('HTTP/1.1 200 OK', 'Content-Length: 2', 'content-length: 2', '', 'hi'), 'two lengths'],
  [of('HTTP/1.1 200 OK', 'Content-Length: 9999999', '', ''), 'more than is read'],
  [of('HTTP/1.1 200 OK', 'Content-Length: 99999999999999999999', '', ''), 'more than can be'],
  [
    of('HTTP/1.1 200 OK', 'Transfer-Encoding: chunked', '', '2', 'hi', '0', '', ''),
    'chunked, which HTTP/1.0 has not (§6.1)',
  ],
  [of('HTTP/1.1 200 OK', `X: ${'y'.repeat(20_000)}`, '', ''), 'a head that is too large'],
  [of(`HTTP/1.1 200 ${'y'.repeat(20_000)}`), 'a line without end'],
  [of('HTTP/1.1 200 OK', '', 'x'.repeat(5_000_000)), 'a body without end'],
] as const

test.for(refused.map(([octets, why]) => [why, octets] as const))(
  'is no answer: %s',
  ([, octets]) => {
    expect(() => read([octets])).toThrow(expect.objectContaining({ reason: 'answer' }))
    expect(() => read(atRandom(octets, 7))).toThrow(expect.objectContaining({ reason: 'answer' }))
  },
)

const unfinished = [
  [of(''), 'nothing'],
  [of('HTTP/1.1 200 OK', 'Content-Length: 2', ''), 'half of its head'],
  [Buffer.from('HTTP/1.1 200 OK\nContent-Length: 2\n\nhi'), 'ends of lines that are none'],
  [of('HTTP/1.1 200 OK', 'Content-Length: 3', '', 'hi'), 'less than it said'],
] as const

test.for(unfinished)('%j and the end of the connection are no answer: %s', ([octets]) => {
  expect(read([octets])).toBeUndefined()
  expect(read(everyOctet(octets))).toBeUndefined()
})

test.for(understood.map(([octets, answer, why]) => [why, octets, answer] as const))(
  "Node's own client reads the same: %s",
  async ([, octets, expected]) => {
    const server = createServer((socket) => socket.resume().end(octets))
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
    const address = server.address()
    const port = typeof address === 'object' && address !== null ? address.port : 0
    const response = await new Promise<IncomingMessage>((resolve) =>
      request({ host: '127.0.0.1', port, agent: false }, resolve).end(),
    )
    const closed = new Promise((resolve) => server.close(resolve))
    const pieces = await Array.fromAsync(response as AsyncIterable<Buffer>).catch(() => [])
    expect({
      status: response.statusCode,
      server: response.headers['server'],
      body: expected.status === 200 ? Buffer.concat(pieces).toString() : '',
    }).toEqual(expected)
    await closed
  },
)
