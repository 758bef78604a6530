/** POST to a real HTTP server that behaves well, badly, or not at all. */
import { execFileSync } from 'node:child_process'
import dns from 'node:dns'
import type { ServerResponse } from 'node:http'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { PermanentError, RetryAfterError } from '../../../src/errors.ts'
import { openPost, type PostOptions } from '../../../src/notify/http-post.ts'
import { isPrivateAddress } from '../../../src/notify/private-address.ts'
import { listen } from './http-server.ts'

afterEach(() => vi.restoreAllMocks())

const maxResponseBytes = 4096

async function post(url: string, more: Partial<PostOptions> = {}) {
  const options = { url, timeoutMs: 10_000, allowPrivate: false, maxResponseBytes, ...more }
  const poster = openPost(options)
  try {
    return await poster.post('{"a":"é"}', { 'webhook-id': 'm-1' })
  } finally {
    poster.close()
  }
}
const failing = async (...given: Parameters<typeof post>): Promise<Error> => {
  const outcome = await post(...given).catch((error: unknown) => error)
  if (outcome instanceof Error) return outcome
  throw new Error('it did not fail')
}
const answering = (write: (response: ServerResponse) => unknown) =>
  listen((_request, response) => void write(response))

test('the body, its length, its type and our fields arrive', async () => {
  const { url, got } = await answering((response) => response.end('ok'))
  expect(String((await post(`${url}/hook?token=1`)).body)).toBe('ok')
  expect(got).toHaveLength(1)
  expect(got[0]).toMatchObject({
    path: '/hook?token=1',
    body: '{"a":"é"}',
    headers: {
      'content-type': 'application/json',
      'content-length': '10',
      'webhook-id': 'm-1',
      'user-agent': 'Postern',
    },
  })
})

test('describe shows no query, which may be a secret', () => {
  const { describe: text, close } = openPost({
    url: 'https://hooks.example/in?token=secret',
    timeoutMs: 100,
    allowPrivate: false,
    maxResponseBytes,
  })
  close()
  expect(text).toBe('https://hooks.example/in')
})

const statuses = [
  // status, kind, says, why
  [302, 'transient', 'redirects are not followed', 'the target moved; its new URL may be anybody'],
  [307, 'transient', 'redirects are not followed', 'also the kind that repeats the POST'],
  [400, 'transient', 'answered 400: no', 'a mistake of the receiver can be mended'],
  [410, 'permanent', 'it wants no more of these', 'Standard Webhooks: gone'],
  [500, 'transient', 'answered 500: no', 'its fault'],
  [503, 'transient', 'answered 503: no', 'its fault, without a time'],
] as const
test.for(statuses)('%i is %s: %s (%s)', async ([status, kind, says]) => {
  let elsewhere = 0
  const other = await answering((response) => {
    elsewhere += 1
    response.end()
  })
  const { url } = await answering((response) =>
    response.writeHead(status, { location: other.url }).end('no'),
  )
  const error = await failing(url)
  expect(error.message).toContain(says)
  expect(error instanceof PermanentError).toBe(kind === 'permanent')
  expect(elsewhere).toBe(0)
})

const later = (ms: number): string => new Date(Date.now() + ms).toUTCString()
const waits = [
  // value, from, to, why
  ['7', 7000, 7000, 'seconds'],
  ['0', 0, 0, 'at once'],
  ['999999999', 86_400_000, 86_400_000, 'never longer than a day'],
  [later(60_000), 50_000, 60_000, 'a date'],
  [later(-60_000), 0, 0, 'a date that is over'],
  ['-5', undefined, undefined, 'no number of seconds, and no date'],
  ['soon', undefined, undefined, 'garbage'],
  ['99999999999999999999', undefined, undefined, 'no number anybody means'],
] as const
test.for(waits)('Retry-After: %s means %s to %s ms (%s)', async ([value, from, to]) => {
  const { url } = await answering((response) =>
    response.writeHead(429, { 'retry-after': value }).end(),
  )
  const error = await failing(url)
  expect(error.message).toContain('answered 429')
  const wait = error instanceof RetryAfterError ? error.retryAfterMs : undefined
  if (from === undefined) expect(wait).toBeUndefined()
  else {
    expect(wait).toBeGreaterThanOrEqual(from)
    expect(wait).toBeLessThanOrEqual(to)
  }
})

test('what the target says is shown short and without controls', async () => {
  const { url } = await answering((response) =>
    response.writeHead(500).end(`\x1b[2Jé\r\nred${'x'.repeat(500)}`),
  )
  const { message } = await failing(url)
  expect(message).toMatch(/^[ -~]+$/)
  expect(message.length).toBeLessThan(260)
})

describe('a target that never comes to an end', () => {
  test('and says nothing is given up after the time-out', async () => {
    const { url } = await answering(() => {})
    expect((await failing(url, { timeoutMs: 100 })).message).toMatch(/: no answer within 100 ms$/)
  })

  const drip = (status: number) =>
    answering((response) => {
      response.writeHead(status)
      const timer = setInterval(() => response.write('x'), 10)
      response.on('close', () => clearInterval(timer))
    })

  test('but said 2xx has it: the rest is not waited for longer than the time-out', async () => {
    const { url } = await drip(200)
    expect((await post(url, { timeoutMs: 150 })).cut).toBeDefined()
  })

  test('but said 5xx has failed', async () => {
    const { url } = await drip(500)
    expect((await failing(url, { timeoutMs: 150 })).message).toContain('answered 500: x')
  })
})

test('of a huge answer only so much is read; its status counts', async () => {
  const huge = async (status: number) =>
    (
      await answering((response) => {
        response.writeHead(status)
        const more = (): void => {
          while (!response.destroyed && response.write(Buffer.alloc(65_536, 'y')));
        }
        response.on('drain', more)
        more()
      })
    ).url
  const { body, cut } = await post(await huge(200))
  expect(cut).toBe('it is longer than 4096 octets')
  expect(body.length).toBeLessThanOrEqual(maxResponseBytes)
  expect((await failing(await huge(500))).message).toContain('answered 500')
})

const broken = [
  // octets that are sent before the end, says, why
  ['', 'no connection', 'the connection is closed without a word'],
  ['SSH-2.0-OpenSSH_9.2\r\n', 'no connection', 'it is no HTTP server'],
  [`HTTP/1.1 200 OK\r\nx: ${'y'.repeat(70_000)}\r\n\r\n`, 'no connection', 'header without end'],
  [
    'HTTP/1.1 101 x\r\nconnection: upgrade\r\nupgrade: x\r\n\r\n',
    'answered 101',
    'unasked upgrade',
  ],
  ['HTTP/1.1 500 x\r\ncontent-length: 9\r\n\r\nabc', 'answered 500: abc', 'it breaks off'],
] as const
test.for(broken)('an answer %j fails: %s (%s)', async ([octets, says]) => {
  const { url } = await listen((request) => request.socket.end(octets))
  const error = await failing(url)
  expect(error.message).toContain(says)
  expect(error).not.toBeInstanceOf(PermanentError)
})

test('2xx that breaks off is taken, and known not to be whole', async () => {
  const { url } = await listen((request) =>
    request.socket.end('HTTP/1.1 200 x\r\ncontent-length: 9\r\n\r\nabc'),
  )
  const { body, cut } = await post(url)
  expect([String(body), cut]).toEqual(['abc', 'it broke off or took too long'])
})

test('a connection that is reset, and a port where nobody listens', async () => {
  const { url } = await listen((request) => request.socket.resetAndDestroy())
  expect((await failing(url)).message).toContain('no connection')
  // Port 1, tcpmux, which nothing has used for decades.
  expect((await failing('http://127.0.0.1:1')).message).toContain('no connection')
})

test('a self-signed certificate is refused', async () => {
  const pem = execFileSync(
    'openssl',
    'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -keyout - -days 2 -subj /CN=localhost'.split(
      ' ',
    ),
    { encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] },
  )
  const { url, got } = await listen((_request, response) => void response.end(), {
    key: pem,
    cert: pem,
  })
  const error = await failing(url)
  expect(String(error.cause)).toContain('self-signed')
  expect(got).toEqual([])
})

describe('private addresses', () => {
  /** Stands for DNS, which somebody else may write: every name leads where the test says. */
  function everyNameLeadsTo(...addresses: readonly string[]): void {
    const found = addresses.map((address) => ({ address, family: address.includes(':') ? 6 : 4 }))
    const answer = (_host: string, _options: object, callback: (...given: unknown[]) => void) =>
      callback(null, found)
    vi.spyOn(dns, 'lookup').mockImplementation(answer as unknown as typeof dns.lookup)
  }

  test('that a name leads to get no request, even beside a public one', async () => {
    const { port, got } = await answering((response) => response.end())
    everyNameLeadsTo('127.0.0.1')
    const error = await failing(`http://app.example:${port}/`)
    expect(String(error.cause)).toContain(
      'leads to the private address 127.0.0.1; set allowPrivate: true',
    )
    everyNameLeadsTo('93.184.216.34', '::ffff:10.0.0.1')
    expect(String((await failing(`http://app.example:${port}/`)).cause)).toContain('10.0.0.1')
    expect(got).toEqual([])
  })

  test('get it when allowPrivate says so', async () => {
    const { port, got } = await answering((response) => response.end())
    everyNameLeadsTo('127.0.0.1')
    await post(`http://app.example:${port}/`, { allowPrivate: true })
    expect(got).toHaveLength(1)
  })

  test('get it when they stand in the URL, or localhost does', async () => {
    const { port, got } = await answering((response) => response.end())
    await post(`http://127.0.0.1:${port}/`)
    await post(`http://localhost:${port}/`)
    expect(got).toHaveLength(2)
  })

  const addresses = [
    // address, private, why
    ['127.0.0.1', true, 'this machine'],
    ['0.0.0.0', true, 'this machine, too'],
    ['169.254.169.254', true, "a cloud's metadata service"],
    ['10.1.2.3', true, 'RFC 1918'],
    ['172.31.255.255', true, 'RFC 1918'],
    ['172.32.0.1', false, 'just beyond it'],
    ['192.168.0.1', true, 'RFC 1918'],
    ['100.64.0.1', true, 'RFC 6598'],
    ['224.0.0.1', true, 'multicast'],
    ['255.255.255.255', true, 'broadcast'],
    ['8.8.8.8', false, 'public'],
    ['::1', true, 'this machine'],
    ['::', true, 'this machine, too'],
    ['::7f00:1', true, 'IPv4-compatible'],
    ['::ffff:127.0.0.1', true, 'IPv4-mapped'],
    ['::ffff:8.8.8.8', false, 'IPv4-mapped, public'],
    ['64:ff9b::a00:1', true, 'NAT64 may lead anywhere'],
    ['2002:7f00:1::', true, '6to4'],
    ['fe80::1', true, 'link-local'],
    ['fe80::1%eth0', true, 'link-local, with its zone'],
    ['fd00::1', true, 'unique local'],
    ['fec0::1', true, 'site-local'],
    ['2606:4700::1111', false, 'public'],
    ['localhost', true, 'no address at all'],
  ] as const
  test.for(addresses)('%s: %s (%s)', ([address, expected]) => {
    expect(isPrivateAddress(address)).toBe(expected)
  })
})
