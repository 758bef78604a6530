/** Variables keep secrets out of the file; a file with one in clear text is not for others to read. */
import { expect, test } from 'vitest'
import { inOwnDirectory, load, write } from './scratch.ts'

inOwnDirectory()

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

const whsec = `whsec_${Buffer.alloc(32, 7).toString('base64')}`
const webhookWith = (secret: string): string =>
  `resources: { webhooks: { hook: { url: "https://hook.test/", secret: ${secret} } } }`

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
  [0o644, webhookWith(`${whsec}`), false, 'a secret that signs'],
  [0o644, webhookWith(`[${whsec}, ${whsec}]`), false, 'two of them, one on its way out'],
  [0o644, webhookWith('["$' + '{PW}"]'), true, 'as above'],
] as const
test.for(secrets)('mode %o with %s: %s, %s', ([mode, text, accepted]) => {
  const attempt = () => load(text, { PW: whsec, HOST: 'r.test' }, mode)
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

const tlsKeys = [
  // mode, accepted, why
  [0o600, true, 'only its owner reads it'],
  [0o640, true, 'a group of servers shares it, as ssl-cert on Debian'],
  [0o644, false, 'everybody reads it'],
  [0o604, false, 'everybody but a group reads it'],
] as const
test.for(tlsKeys)('a TLS key of mode %o, accepted %s: %s', ([mode, accepted]) => {
  write('conf/tls.crt', 'PEM')
  write('conf/tls.key', 'PEM', mode)
  const attempt = () => load('smtp: { tls: { cert: tls.crt, key: tls.key } }')
  if (accepted) expect(attempt).not.toThrow()
  else expect(attempt).toThrow(/smtp\.tls\.key: \S+tls\.key is a secret .*: chmod 600 \S+tls\.key$/)
})
