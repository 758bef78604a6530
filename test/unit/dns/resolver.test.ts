/** Asking name servers: bounded in time, number and memory, and no kind of failure becomes another. */
import fc from 'fast-check'
import { afterAll, afterEach, beforeAll, expect, test } from 'vitest'
import { type Dns, type DnsOptions, openDns } from '../../../src/dns/resolver.ts'
import { type RunningDns, startDns, type Zones } from '../../support/dns.ts'

const zones: Zones = {
  'a.test': {
    A: ['192.0.2.1', '192.0.2.2'],
    AAAA: ['2001:db8::1'],
    TXT: ['one', 'two'],
    MX: ['10 mx.a.test', '5 mx2.a.test'],
  },
  'b.test': { TXT: ['b'] },
  'long.test': { TXT: ['x'.repeat(10_000)] },
  'huge.test': { TXT: Array.from({ length: 40 }, (_, index) => `${index}`.padEnd(1080, 'x')) },
  'many.test': {
    A: Array.from({ length: 600 }, (_, index) => `10.0.${index >> 8}.${index & 255}`),
  },
  'alias.test': { CNAME: 'a.test' },
  'loop.test': { CNAME: 'loop2.test' },
  'loop2.test': { CNAME: 'loop.test' },
  'dangling.test': { CNAME: 'nowhere.test' },
  'servfail.test': 'SERVFAIL',
  'refused.test': 'REFUSED',
  'silent.test': 'silence',
  '1.2.0.192.in-addr.arpa': { PTR: ['mail.a.test'] },
}

let server: RunningDns
const opened: Dns[] = []

beforeAll(async () => {
  server = await startDns(zones)
})
afterEach(() => {
  for (const each of opened.splice(0)) each.close()
  server.questions.length = 0
  server.set(zones)
})
afterAll(() => server.stop())

function open(options: Partial<DnsOptions> = {}): Dns {
  const dns = openDns({
    servers: [server.server],
    timeoutMs: 2000,
    cacheEntries: 100,
    cacheSeconds: 60,
    ...options,
  })
  opened.push(dns)
  return dns
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    (value) => value,
    (error: { code: string }) => error.code,
  )

const answers = [
  // name, type, answer, why
  ['a.test', 'A', ['192.0.2.1', '192.0.2.2'], 'addresses'],
  ['A.TEST.', 'A', ['192.0.2.1', '192.0.2.2'], 'names have no case, and may end with the root'],
  ['a.test', 'AAAA', ['2001:db8::1'], 'IPv6'],
  ['a.test', 'TXT', [['one'], ['two']], 'texts'],
  ['alias.test', 'A', ['192.0.2.1', '192.0.2.2'], 'an alias is followed'],
  ['none.test', 'A', 'ENOTFOUND', 'no such name'],
  ['dangling.test', 'A', 'ENOTFOUND', 'an alias of no such name'],
  ['a.test', 'CNAME', 'ENODATA', 'the name is there, the record is not'],
  ['servfail.test', 'A', 'ESERVFAIL', 'the name server failed'],
  ['refused.test', 'A', 'EREFUSED', 'the name server does not want to'],
  ['loop.test', 'A', 'ESERVFAIL', 'an alias of itself'],
  ['many.test', 'A', 'EBADRESP', 'more records than any honest name has'],
  ['huge.test', 'TXT', 'EBADRESP', 'more text than any honest name has'],
  ['', 'A', 'EBADNAME', 'no name'],
  ['a..test', 'A', 'EBADNAME', 'an empty label'],
  [`${'a'.repeat(64)}.test`, 'A', 'EBADNAME', 'a label over 63 octets'],
  [`${'a.'.repeat(130)}test`, 'A', 'EBADNAME', 'a name over 253 octets'],
  ['a b.test', 'A', 'EBADNAME', 'white space'],
  ['a\0.test', 'A', 'EBADNAME', 'NUL'],
  ['ü.test', 'A', 'EBADNAME', 'A-labels only'],
] as const

test.for(answers)('%s %s is %j: %s', async ([name, type, expected]) => {
  expect(await codeOf(open().resolve(name, type))).toEqual(expected)
})

test('a text of ten thousand octets comes whole, by TCP', async () => {
  const [record] = (await open().resolve('long.test', 'TXT')) as string[][]
  expect(record?.join('')).toBe('x'.repeat(10_000))
})

test('a silent name server is ETIMEOUT within the deadline', async () => {
  const began = performance.now()
  expect(await codeOf(open({ timeoutMs: 300 }).resolve('silent.test', 'A'))).toBe('ETIMEOUT')
  expect(performance.now() - began).toBeLessThan(1500)
})

test('an answer is asked for once, however often and however many at once ask', async () => {
  const dns = open()
  await Promise.all([dns.resolve('a.test', 'TXT'), dns.resolve('A.test', 'TXT')])
  await dns.resolve('a.test', 'TXT')
  await codeOf(dns.resolve('none.test', 'TXT'))
  await codeOf(dns.resolve('none.test', 'TXT'))
  // A datagram of the test before may arrive only now: another try for the silent name.
  const asked = server.questions.filter((each) => each !== 'A silent.test')
  expect(asked).toEqual(['TXT a.test', 'TXT none.test'])
})

test('a failure of the moment is not remembered', async () => {
  const dns = open()
  expect(await codeOf(dns.resolve('servfail.test', 'TXT'))).toBe('ESERVFAIL')
  server.set({ 'servfail.test': { TXT: ['well again'] } })
  expect(await dns.resolve('servfail.test', 'TXT')).toEqual([['well again']])
})

test('an address is kept no longer than its TTL', async () => {
  server.set({ 'short.test': { A: ['192.0.2.1'], ttl: 1 } })
  const dns = open()
  await dns.resolve('short.test', 'A')
  server.set({ 'short.test': { A: ['192.0.2.2'], ttl: 1 } })
  expect(await dns.resolve('short.test', 'A')).toEqual(['192.0.2.1'])
  await expect.poll(() => dns.resolve('short.test', 'A'), { timeout: 5000 }).toEqual(['192.0.2.2'])
})

test('an answer is everybody’s, and nobody can change it', async () => {
  const dns = open()
  const records = (await dns.resolve('a.test', 'MX')) as { priority: number }[]
  expect(() => records.sort((one, other) => one.priority - other.priority)).toThrow(TypeError)
  expect(() => Object.assign(records[0] ?? {}, { priority: 0 })).toThrow(TypeError)
  const [text = []] = (await dns.resolve('a.test', 'TXT')) as string[][]
  expect(() => text.push('more')).toThrow(TypeError)
})

test('the cache forgets what was not used for longest', async () => {
  const dns = open({ cacheEntries: 2 })
  for (const name of ['a.test', 'alias.test', 'a.test', 'b.test', 'a.test', 'alias.test']) {
    await dns.resolve(name, 'TXT')
  }
  expect(server.questions).toEqual(['TXT a.test', 'TXT alias.test', 'TXT b.test', 'TXT alias.test'])
})

test('a message has a budget; the same question is counted once', async () => {
  const resolve = open().budgeted(2)
  await resolve('a.test', 'A')
  await resolve('A.test', 'A')
  expect(await codeOf(resolve('none.test', 'A'))).toBe('ENOTFOUND')
  expect(await codeOf(resolve('alias.test', 'A'))).toBe('EBUDGET')
  expect(await resolve('a.test', 'A')).toHaveLength(2)
})

test('after its time a message is told ETIMEOUT at once, what is under way included', async () => {
  const stop = new AbortController()
  const resolve = open({ timeoutMs: 10_000 }).budgeted(10, stop.signal)
  const waiting = codeOf(resolve('silent.test', 'A'))
  stop.abort()
  expect(await waiting).toBe('ETIMEOUT')
  expect(await codeOf(resolve('a.test', 'A'))).toBe('ETIMEOUT')
})

test('the name of an address, and of what is no address', async () => {
  const dns = open()
  expect(await dns.reverse('192.0.2.1')).toEqual(['mail.a.test'])
  expect(await codeOf(dns.reverse('192.0.2.9'))).toBe('ENOTFOUND')
  expect(await codeOf(dns.reverse('fe80::1%eth0'))).toBe('EBADNAME')
  expect(await codeOf(dns.reverse('x'))).toBe('EBADNAME')
})

test('no name makes it throw where a promise is expected', () => {
  const dns = open({ timeoutMs: 100 })
  return fc.assert(
    fc.asyncProperty(fc.string({ unit: 'binary', maxLength: 300 }), async (name) => {
      const found = await codeOf(dns.resolve(`${name} .invalid`, 'A'))
      expect(found).toBe('EBADNAME')
    }),
  )
})
