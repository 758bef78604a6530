/** `postern keys rewrap`: what it is told, what it tells, and what it leaves; the change itself is in test/unit/rewrap. */
import { createPublicKey } from 'node:crypto'
import { readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test, vi } from 'vitest'
import { readKey } from '../../../src/client/index.ts'
import { UserError } from '../../../src/errors.ts'
import { formatPublicKey, formatSecretKey } from '../../../src/seal/keys.ts'
import { dirStore } from '../../../src/store/dir.ts'
import { nacl, putEnvelope, putLegacy, putS3ec, textBy } from '../rewrap/support.ts'
import { type Home, jsonOf, newHome } from './support.ts'

const [old, next, team] = [nacl(1), nacl(2), nacl(3)]

/** With the old key in old.key, the new one configured as `next`, and messages for the old one. */
async function newStore(messages = 3): Promise<{ home: Home; store: ReturnType<typeof dirStore> }> {
  const publicKey = Buffer.from(next.publicKey).toString('base64')
  const home = newHome(`keys: { next: { type: nacl, publicKey: "${publicKey}" } }\n`)
  home.write('old.key', formatSecretKey(old.secretKey))
  const store = dirStore(home.bucket('inbox'))
  for (let n = 0; n < messages; n++) await putEnvelope(store, `in/m${n}`, `message ${n}`, [old])
  return { home, store }
}
const rewrap = (home: Home, ...args: string[]) =>
  home.run('keys', 'rewrap', '--from', join(home.path, 'old.key'), ...args)

test('every message is sealed to the key of that name, and counted', async () => {
  const { home, store } = await newStore()
  await putEnvelope(store, 'in/other', 'of the team', [team])
  const { out, error } = await rewrap(home, '--to', 'next')
  expect(error).toBeUndefined()
  expect(out.toString()).toBe(
    `inbox (directory ${home.bucket('inbox')}): 3 sealed anew, 0 data keys wrapped anew, 1 not sealed to the old key, 0 left\n`,
  )
  for (const n of [0, 1, 2]) expect(await textBy(store, `in/m${n}`, next)).toBe(`message ${n}`)
})

test('a dry run tells what would be done and does nothing', async () => {
  const { home, store } = await newStore(1)
  const { out } = await rewrap(home, '--to', 'next', '--dry-run')
  expect(out.toString()).toMatch(/^in\/m0: would be sealed anew\n.*: 1 would be sealed anew, /)
  expect(await textBy(store, 'in/m0', old)).toBe('message 0')
})

test('--json tells of each object, those passed over too, and keeps the sum for people', async () => {
  const { home, store } = await newStore(1)
  await putEnvelope(store, 'in/other', 'of the team', [team])
  await putEnvelope(store, 'in/shared', 'of both', [old, team])
  const ran = await rewrap(home, '--to', 'next', '--json')
  expect(jsonOf(ran)).toEqual([
    { key: 'in/m0', outcome: 'resealed' },
    { key: 'in/other', outcome: 'passed', reason: 'other-key' },
    {
      key: 'in/shared',
      outcome: 'left',
      reason: 'unknown-holder',
      text: expect.stringContaining(team.id),
    },
  ])
  expect(ran.err).toContain('1 sealed anew')
})

test('what is left is told with its remedy, and fails the run, which goes on when it is mended', async () => {
  const { home, store } = await newStore(1)
  await putEnvelope(store, 'in/shared', 'of both', [old, team])
  const first = await rewrap(home, '--to', 'next')
  expect(first.out.toString()).toMatch(/in\/shared: left as it is: .*--also FILE\.pub/)
  expect(first.error).toMatchObject({ message: expect.stringMatching(/^1 object was left/) })
  expect(first.error).not.toBeInstanceOf(UserError)
  const also = home.write('team.pub', formatPublicKey(team.publicKey))
  const second = await rewrap(home, '--to', 'next', '--also', also)
  expect(second.error).toBeUndefined()
  for (const key of [next, team]) expect(await textBy(store, 'in/shared', key)).toBe('of both')
})

test('a prefix and a bucket bound what is changed', async () => {
  const { home, store } = await newStore(2)
  const { out } = await rewrap(home, '--to', 'next', '--bucket', 'inbox', '--prefix', 'in/m1')
  expect(out.toString()).toContain(': 1 sealed anew, ')
  expect(await textBy(store, 'in/m0', old)).toBe('message 0')
})

test('from one RSA key to the public file of another, the objects stay', async () => {
  const home = newHome()
  for (const name of ['old', 'new'])
    await home.run('keys', 'new', name, '--type', 'rsa', '--dir', home.path)
  const publicKey = createPublicKey(readFileSync(join(home.path, 'old.pub'), 'utf8'))
  const store = dirStore(home.bucket('inbox'))
  await putS3ec(store, 'm1', 'hello', { type: 'rsa', version: 'v3', context: {}, publicKey })
  const { out } = await rewrap(home, '--to', join(home.path, 'new.pub'))
  expect(out.toString()).toContain('0 sealed anew, 1 data keys wrapped anew')
  expect(await textBy(store, 'm1', await readKey(join(home.path, 'new.key')))).toBe('hello')
  const same = await rewrap(home, '--to', join(home.path, 'old.pub'))
  expect(same.error).toMatchObject({ message: expect.stringContaining('the same key') })
})

test('what the oldest clients wrote is changed with --legacy only', async () => {
  const home = newHome()
  const from = join(home.path, 'old.aes')
  writeFileSync(from, Buffer.alloc(32, 4), { mode: 0o600 })
  const to = home.write('new.pub', formatPublicKey(next.publicKey))
  const store = dirStore(home.bucket('inbox'))
  await putLegacy(store, 'm1', 'hello', 4)
  const first = await home.run('keys', 'rewrap', '--from', from, '--to', to)
  expect(first.out.toString()).toMatch(/^m1: left as it is: .*--legacy/)
  await home.run('keys', 'rewrap', '--from', from, '--to', to, '--legacy')
  expect(await textBy(store, 'm1', next)).toBe('hello')
})

const mistakes = [
  [['--to', 'nobody'], /no key nobody in the configuration and no file/, 'no such key'],
  [['--to', 'old.key'], /public one belongs/, 'a secret key where the public one belongs'],
  [['--to', 'old.pub'], /the same key/, 'the key it is'],
  [['--to', 'next', '--also', 'none.pub'], /--also: .*none\.pub cannot be read/, 'no such file'],
] as const
test.for(mistakes)('%j is a mistake: %s', async ([args, message]) => {
  const { home } = await newStore(0)
  home.write('old.pub', formatPublicKey(old.publicKey))
  const files = args.map((each) => (/\.(key|pub)$/.test(each) ? join(home.path, each) : each))
  const { error } = await rewrap(home, ...files)
  expect(error).toBeInstanceOf(UserError)
  expect(`${error}`).toMatch(message)
})

test('the directory of another user is left to that user', async () => {
  const { home, store } = await newStore(1)
  vi.spyOn(process, 'geteuid').mockReturnValue(4711)
  const { error } = await rewrap(home, '--to', 'next')
  vi.restoreAllMocks()
  expect(error).toBeInstanceOf(UserError)
  expect(`${error}`).toContain('run this command as that user')
  expect(await textBy(store, 'in/m0', old)).toBe('message 0')
})

test('keys of objects are harmless on a terminal', async () => {
  const { home, store } = await newStore(0)
  await putEnvelope(store, 'in/\u001b[2J', 'x', [old, team])
  const { out } = await rewrap(home, '--to', 'next')
  expect(out.toString()).toContain('in/\\x1b[2J: left')
})
