/** What loadConfig fills in, finds and resolves; what it refuses is in broken.test.ts. */
import { chmodSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { fill } from '../../../src/config/fill.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { type Config, options } from '../../../src/config/options.ts'

const publicKey = 'L+iS5zh5U7OkTZ8TYfB6GvXGbfJHmE0jlFlPv0bgk1M='

let cwd = ''
beforeEach(() => {
  cwd = mkdtempSync(join(tmpdir(), 'postern-config-'))
})
afterEach(() => rmSync(cwd, { recursive: true }))

function load(text: string, env: Record<string, string> = {}, mode = 0o600): Config {
  write('conf/postern.yaml', text, mode)
  return loadConfig({ file: 'conf/postern.yaml', env, cwd })
}

function write(name: string, text: string, mode = 0o600): void {
  mkdirSync(join(cwd, name, '..'), { recursive: true })
  writeFileSync(join(cwd, name), text)
  chmodSync(join(cwd, name), mode)
}

test('without a file every option has its default, and paths start at the working directory', () => {
  const { hostname, node, ...config } = loadConfig({ env: {}, cwd })
  expect(hostname).toMatch(/^[a-z0-9.-]+$/i)
  expect(node).toBe(hostname)
  expect(config).toEqual({
    domains: ['example.test'],
    dataDir: join(cwd, 'data'),
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
      refuse: [],
    },
    http: { listen: '127.0.0.1:8025' },
    redis: 'embedded',
    dns: { servers: [], timeoutMs: 5000 },
    blocklists: { dnsbl: [] },
    virus: { clamd: 'off' },
    spam: { rspamd: 'off' },
    spool: { minFreeBytes: 268435456, minFreeInodes: 1000 },
    delivery: {
      processes: 1,
      concurrency: 16,
      attempts: 80,
      firstRetryMs: 5000,
      maxRetryMs: 3600000,
      sweepSeconds: 30,
    },
    rules: { dir: join(cwd, 'rules'), active: 'default' },
    encryption: { default: 'key/main' },
    keys: {},
    store: { type: 'dir', path: join(cwd, 'data/store') },
    resources: { buckets: {}, keys: {}, topics: {}, functions: {} },
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
  dnsbl: []
virus: { clamd: off }
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

const variables = [
  // written, came out, why
  ['$' + '{NAME}', 'va"l: {u}e', 'a variable is put in as it is, whatever YAML would make of it'],
  ['a$' + '{NAME}b$' + '{NAME}', 'ava"l: {u}ebva"l: {u}e', 'as often as it is named'],
  ['$$' + '{NAME}', '$' + '{NAME}', 'a second $ makes it three characters of text'],
  ['$' + '{NESTED}', '$' + '{NAME}', 'what a variable holds is not looked at again'],
  ['$NAME', '$NAME', 'a $ alone means nothing'],
  ['x$' + '{EMPTY}', 'x', 'a variable that is set to nothing is set'],
] as const
test.for(variables)('%j comes out as %j: %s', ([written, expected]) => {
  const env = { NAME: 'va"l: {u}e', NESTED: '$' + '{NAME}', EMPTY: '' }
  expect(load(`rules: { active: '${written}' }`, env).rules.active).toBe(expected)
})

test('an anchor may be used again', () => {
  const config = load(
    'domains: &own [a.test, B.TEST]\ndns: { servers: &none [] }\nblocklists: { dnsbl: *none }\n',
  )
  expect(config.domains).toEqual(['a.test', 'b.test'])
})

const secrets = [
  // mode, text, accepted, why
  [0o600, 'redis: "redis://:pw@r.test"', true, 'only the owner reads it'],
  [0o640, 'redis: "redis://:pw@r.test"', false, 'the group reads it'],
  [0o604, 'redis: "redis://:pw@r.test"', false, 'everybody else reads it'],
  [0o644, 'redis: "redis://user:$' + '{PW}@r.test"', true, 'the secret is in the environment'],
  [0o644, 'redis: "redis://:pw@$' + '{HOST}"', false, 'only the host is in the environment'],
  [0o644, 'redis: "redis://r.test"', true, 'there is no password'],
  [0o644, 'store: { type: s3, accessKeyId: a, secretAccessKey: "$' + '{PW}" }', true, 'as above'],
  [0o644, 'store: { type: s3, accessKeyId: a, secretAccessKey: pw }', false, 'a secret of a store'],
  [
    0o644,
    'resources: { buckets: { abc: { type: s3, bucket: abc, accessKeyId: a, secretAccessKey: pw } } }',
    false,
    'a secret of a bucket',
  ],
] as const
test.for(secrets)('mode %o with %s: %s, %s', ([mode, text, accepted]) => {
  const attempt = () => load(text, { PW: 'pw', HOST: 'r.test' }, mode)
  if (accepted) expect(attempt).not.toThrow()
  else expect(attempt).toThrow('chmod 600 conf/postern.yaml')
})

test('no message repeats a secret, even one that stands in the wrong place', () => {
  const text =
    'hostname: hunter2\nredis: "http://:hunter2@r.test"\nlog: { level: hunter2 }\nsmtp: { listen: [hunter2], processes: hunter2 }\nstore: { type: s3, endpoint: "https://u:hunter2@s3.test", secretAccessKey: hunter2 }\n'
  try {
    load(text, {}, 0o644)
    expect.unreachable()
  } catch (error) {
    expect(String(error)).not.toContain('hunter2')
    expect(String(error)).toContain('secretAccessKey')
  }
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

test('the page that operators read shows what really happens', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/config.md'), 'utf8')
  const block = (kind: string) => page.split(`\`\`\`${kind}\n`)[1]?.split('```')[0] ?? ''
  write('postern.yaml', block('yaml broken'))
  expect(() => loadConfig({ env: {}, cwd })).toThrow(
    expect.objectContaining({ message: block('text').trimEnd() }),
  )
  for (const name of ['tls.crt', 'tls.key', 'office.pub']) write(`conf/${name}`, 'content')
  const example = block('yaml example').replaceAll('/etc/postern/', `${cwd}/conf/`)
  const env = { REDIS_PASSWORD: 'a', S3_ACCESS_KEY_ID: 'b', S3_SECRET_ACCESS_KEY: 'c' }
  expect(load(example, env, 0o644).redis).toBe('rediss://postern:a@redis.example.com:6379/0')
})
