/** What loadConfig fills in, finds and resolves; what it refuses is in broken.test.ts. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { fill } from '../../../src/config/fill.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { options } from '../../../src/config/options.ts'
import { cwd, inOwnDirectory, load, write } from './scratch.ts'

inOwnDirectory()

const publicKey = 'L+iS5zh5U7OkTZ8TYfB6GvXGbfJHmE0jlFlPv0bgk1M='

test('without a file every option has its default, and paths start at the working directory', () => {
  const { hostname, node, ...config } = loadConfig({ env: {}, cwd })
  expect(hostname).toMatch(/^[a-z0-9.-]+$/i)
  expect(node).toBe(hostname)
  expect(config).toEqual({
    domains: ['example.test'],
    dataDir: join(cwd, 'data'),
    stopSeconds: 60,
    smtp: {
      listen: ['127.0.0.1:2525'],
      processes: 1,
      maxMessageBytes: 41943040,
      maxLineBytes: 1000000,
      maxHeaderLines: 1000,
      maxHeaderBytes: 524288,
      maxHops: 100,
      maxRecipients: 1000,
      memoryMessageBytes: 131072,
      inactivitySeconds: 300,
      limits: {
        exempt: ['127.0.0.0/8', '::1/128'],
        maxConnections: 2000,
        maxConnectionsPerAddress: 50,
        maxConnectionsPerMinute: 300,
        maxMessagesPerMinute: 1200,
        maxRecipientsPerMinute: 6000,
        maxMessagesPerSession: 10000,
        maxErrors: 50,
        maxIdleCommands: 500,
        maxSessionSeconds: 3600,
        minBytesPerSecond: 100,
        maxMemoryBytes: 268435456,
        maxLagMs: 1000,
      },
      refuse: [],
      verdictTimeoutMs: 30000,
    },
    http: { listen: '127.0.0.1:8025' },
    redis: 'embedded',
    dns: { servers: [], timeoutMs: 5000, cacheEntries: 10000, cacheSeconds: 60 },
    authentication: {
      maxSignatures: 10,
      maxDnsQueries: 100,
      trustedSealers: [],
      onFailure: 'accept',
    },
    blocklists: { dnsbl: [], dnswl: [], probeSeconds: 300 },
    virus: { clamd: 'auto', scan: 'attachments', concurrency: 8, onFailure: 'accept' },
    spam: {
      rspamd: 'off',
      grayScore: 6,
      failScore: 15,
      concurrency: 16,
      onFailure: 'accept',
    },
    spool: { minFreeBytes: 268435456, minFreeInodes: 1000 },
    delivery: {
      processes: 1,
      concurrency: 16,
      retrySeconds: 259200,
      firstRetryMs: 5000,
      maxRetryMs: 3600000,
      sweepSeconds: 30,
    },
    rules: { dir: join(cwd, 'rules'), active: 'default' },
    encryption: { default: 'key/main' },
    keys: {},
    store: { type: 'dir', path: join(cwd, 'data/store') },
    resources: { buckets: {}, keys: {}, topics: {}, functions: {}, webhooks: {} },
    notifications: { maxContentBytes: 153600, oversize: 'bounce', urlSeconds: 3600 },
    quarantine: { bucket: 'quarantine', prefix: 'quarantine/' },
    bounces: { relay: 'off' },
    log: { level: 'info', format: 'auto' },
  })
})

test('postern.yaml of the working directory is taken when no file is named', () => {
  write('postern.yaml', 'hostname: here.test\n')
  expect(loadConfig({ env: {}, cwd }).hostname).toBe('here.test')
})

test('a file that was named has to be there', () => {
  expect(() => loadConfig({ file: 'none.yaml', env: {}, cwd })).toThrow(
    'none.yaml: there is no such configuration file',
  )
  expect(() => loadConfig({ file: '', env: {}, cwd })).toThrow('file is empty')
  expect(() => loadConfig({ file: '.', env: {}, cwd })).toThrow('cannot be read (EISDIR)')
})

test.for(['', '# nothing\n', '~\n', '{}\n', '\uFEFFhttp: {}\n'])(
  '%j is a file of defaults',
  (text) => {
    expect(load(text)).toEqual({
      ...loadConfig({ env: {}, cwd: join(cwd, 'conf') }),
    })
  },
)

test('a file that is not UTF-8 is refused rather than read with other characters in it', () => {
  write('latin1.yaml', '')
  writeFileSync(join(cwd, 'latin1.yaml'), Buffer.from('rules: { active: caf\xe9 }', 'latin1'))
  const load = () => loadConfig({ file: 'latin1.yaml', env: {}, cwd })
  expect(load).toThrow('latin1.yaml: is not UTF-8 text')
})

test('nesting that ends the parser is one problem, not a crash', () => {
  expect(() => load(`domains: ${'['.repeat(20_000)}`)).toThrow(
    /^conf\/postern\.yaml:1:\d+: is nested too deep to be read$/,
  )
})

test('the example of the design loads without what this release cannot do yet', () => {
  for (const name of ['tls.crt', 'tls.key']) write(`conf/${name}`, 'PEM')
  const config = load(`
hostname: mx.example.com
domains: [example.com]                  # what a rule without recipients takes
dataDir: ./data
smtp:
  listen: ["[::]:25"]
  processes: 1
  maxMessageBytes: 41943040
  tls: { cert: tls.crt, key: tls.key }
  refuse: []
http: { listen: "127.0.0.1:8025" }
redis: embedded
dns: { servers: [] , timeoutMs: 5000 }
blocklists:
  dnsbl: [ { zone: zen.spamhaus.org, refuseOn: ["127.0.0.2-11"] } ]
virus: { clamd: auto }
spam: { rspamd: off }
rules: { dir: ./rules, active: default }
encryption: { default: key/main }
keys:
  main: { type: nacl, publicKey: "${publicKey}" }
resources:
  buckets:
    acme-inbox: { type: s3, bucket: acme-inbox, endpoint: "https://s3.example.net", region: eu-west-1, forcePathStyle: true }
    scratch:    { type: dir, path: ./data/store/scratch }
    preset:     { type: dir }
  keys:      { "arn:aws:kms:eu-west-1:123456789012:key/1": main }
  topics:    {}
  functions: {}
`)
  expect(config.node).toBe('mx.example.com')
  expect(config.smtp.tls).toEqual({
    cert: join(cwd, 'conf/tls.crt'),
    key: join(cwd, 'conf/tls.key'),
  })
  expect(config.keys).toEqual({ main: { type: 'nacl', publicKey } })
  expect(config.resources.buckets).toEqual({
    'acme-inbox': {
      type: 's3',
      bucket: 'acme-inbox',
      endpoint: 'https://s3.example.net',
      region: 'eu-west-1',
      forcePathStyle: true,
    },
    scratch: { type: 'dir', path: join(cwd, 'conf/data/store/scratch') },
    preset: { type: 'dir', path: join(cwd, 'conf/data/store/preset') },
  })
})

test('an anchor may be used again', () => {
  const config = load(
    'domains: &own [a.test, B.TEST]\ndns: { servers: &none [] }\nblocklists: { dnsbl: *none }\n',
  )
  expect(config.domains).toEqual(['a.test', 'b.test'])
})

const machines = [
  ['mx1', 'mx1'],
  ['mx.example.test', 'mx.example.test'],
  ['my_machine', 'localhost'],
  ['', 'localhost'],
  ['192.0.2.1', 'localhost'],
] as const
test.for(machines)('on a machine called %j the server is %s', ([machine, expected]) => {
  expect(fill(options.parse({}), { base: cwd, machine }).hostname).toBe(expected)
})

test('a file that is no YAML from some place on is not told token by token (found by fuzzing)', () => {
  const text = 'virus: {'.concat('$'.concat('{A}').repeat(10_000), '\n')
  try {
    load(text)
    expect.unreachable()
  } catch (error) {
    expect(String(error).split('\n').length).toBeLessThanOrEqual(20)
  }
})
