/** The kinds of value and the small functions of src/config, case by case. */
import { expect, test } from 'vitest'
import { fill } from '../../../src/config/fill.ts'
import { options } from '../../../src/config/options.ts'
import { closest, formatKey } from '../../../src/config/problem.ts'
import { redact } from '../../../src/config/secrets.ts'
import { isDomainName, parseListen } from '../../../src/config/texts.ts'

const addresses = [
  ['127.0.0.1:25', { host: '127.0.0.1', port: 25 }],
  ['[::]:0', { host: '::', port: 0 }],
  ['[2001:db8::1]:65535', { host: '2001:db8::1', port: 65535 }],
  ['localhost:2525', { host: 'localhost', port: 2525 }],
  ['localhost:65536', undefined],
  ['localhost:', undefined],
  ['localhost', undefined],
  [':25', undefined],
  ['::1:25', undefined],
  ['[127.0.0.1]:25', undefined],
  ['[::1:25', undefined],
  ['127.0.0.1:2 5', undefined],
  ['127.0.0.1:-1', undefined],
  ['127.0.0.1:25\n', undefined],
  ['999.0.0.1:25', undefined],
] as const
test.for(addresses)('%j is read as %j', ([text, expected]) => {
  expect(parseListen(text)).toEqual(expected)
})

const domains = [
  ['example.test', true, ''],
  ['xn--bcher-kva.example', true, ''],
  ['a', true, 'one label is a name'],
  ['example.test.', false, 'a trailing dot would differ from the same name without it'],
  ['.example.test', false, ''],
  ['-a.test', false, 'RFC 1123 §2.1'],
  ['a_b.test', false, 'RFC 1123 §2.1'],
  ['192.0.2.1', false, 'RFC 3696 §2'],
  [`${'a'.repeat(64)}.test`, false, 'RFC 1035 §2.3.4: 63 octets a label'],
  [`${'a.'.repeat(126)}ab`, false, 'RFC 1035 §2.3.4: 253 characters'],
  ['', false, ''],
] as const
test.for(domains)('%s is a domain name: %s %s', ([text, expected]) => {
  expect(isDomainName(text)).toBe(expected)
})

const slips = [
  ['processe', 'processes'],
  ['proccesses', 'processes'],
  ['PROCESSES', 'processes'],
  ['smpt', 'smtp'],
  ['log', 'log'],
  ['dsn', 'dns'],
  ['x', undefined],
  ['postfix', undefined],
  ['', undefined],
] as const
test.for(slips)('%j may have meant %j', ([given, expected]) => {
  expect(closest(given, ['smtp', 'dns', 'log', 'processes'])).toBe(expected)
})

test('an option is called as it would be written', () => {
  expect(formatKey(['smtp', 'listen', 0])).toBe('smtp.listen[0]')
  expect(formatKey(['resources', 'keys', 'arn:aws:kms'])).toBe('resources.keys["arn:aws:kms"]')
})

const from = { base: '/base', machine: 'mx' }

const whsecOf = (text: string): string => `whsec_${Buffer.from(text.padEnd(24)).toString('base64')}`

test('redact leaves no secret and changes nothing else', () => {
  const written = {
    redis: { sentinels: [{ host: 'r.test' }], name: 'm', password: 'pw1', sentinelPassword: 'pw2' },
    store: { type: 's3', accessKeyId: 'id', secretAccessKey: 'pw3' },
    resources: {
      buckets: { abc: { type: 's3', bucket: 'abc', accessKeyId: 'id', secretAccessKey: 'pw4' } },
      webhooks: { hook: { url: 'https://hook.test/', secret: [whsecOf('pw5'), whsecOf('pw6')] } },
    },
  }
  const config = fill(options.parse(written), from)
  const shown = JSON.stringify(redact(config))
  expect(shown).not.toMatch(/pw\d|whsec_/)
  const rest = JSON.stringify(config).replaceAll(/whsec_[^"]+|pw\d/g, 'pw')
  expect(shown.replaceAll('(hidden)', 'pw')).toBe(rest)
})

const urls = [
  ['redis://r.test:6379/1', 'redis://r.test:6379/1'],
  ['redis://:pw@r.test', 'redis://:(hidden)@r.test'],
  ['REDISS://user:p@w:x@r.test', 'REDISS://user:(hidden)@r.test'],
  ['unix:/run/redis.sock', 'unix:/run/redis.sock'],
  ['embedded', 'embedded'],
] as const
test.for(urls)('redact shows %s as %s', ([redis, expected]) => {
  expect(redact(fill(options.parse({ redis }), from)).redis).toBe(expected)
})

const networks = [
  ['192.0.2.1', true, 'an address'],
  ['192.0.2.0/24', true, 'a network'],
  ['2001:db8::/32', true, 'of IPv6'],
  ['::1/128', true, 'the shortest'],
  ['192.0.2.0/33', false, 'more bits than there are'],
  ['2001:db8::/129', false, 'the same of IPv6'],
  ['192.0.2.0/', false, 'no length'],
  ['192.0.2.0/024', false, 'a length in another base, perhaps'],
  ['fe80::1%eth0', false, 'a zone'],
  ['::ffff:192.0.2.1', false, 'IPv4 in IPv6, which no client is known by'],
  ['localhost', false, 'a name'],
] as const

test.for(networks)(
  '%s as a network of smtp.limits.exempt is taken: %s, because %s',
  ([text, taken]) => {
    expect(options.safeParse({ smtp: { limits: { exempt: [text] } } }).success).toBe(taken)
  },
)
