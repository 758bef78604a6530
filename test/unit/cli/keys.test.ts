/** `postern keys`: pairs are made once and never overwritten; listing reads public keys only. */
import { chmodSync, existsSync, readdirSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parse } from 'yaml'
import { readKey } from '../../../src/client/index.ts'
import { UserError } from '../../../src/errors.ts'
import { formatPublicKey, formatSecretKey } from '../../../src/seal/keys.ts'
import { key, otherKey } from '../client/support.ts'
import { jsonOf, newHome } from './support.ts'

const base64 = (bytes: Uint8Array): string => Buffer.from(bytes).toString('base64')

test('new makes a pair, tells what to do with it, and prints lines that postern.yaml takes', async () => {
  const home = newHome()
  const dir = join(home.path, 'new/keys')
  const { out, error } = await home.run('keys', 'new', 'archive', '--dir', dir)
  expect(error).toBeUndefined()
  const text = out.toString()
  expect(statSync(join(dir, 'archive.key')).mode & 0o777).toBe(0o600)
  expect(text).toContain(join(dir, 'archive.key'))
  expect(text).toMatch(/Keep the \.key file off the server/)
  expect(text).toMatch(/Back it up/)
  const made = await readKey(join(dir, 'archive.key'))
  if (made.type !== 'nacl') throw new Error(`made a key of type ${made.type}`)
  expect(readFileSync(join(dir, 'archive.pub'), 'utf8')).toBe(formatPublicKey(made.publicKey))
  expect(text).toContain(made.id)
  expect(text).not.toContain(base64(made.secretKey))
  const lines = text.slice(text.indexOf('keys:\n'))
  expect(parse(lines)).toEqual({
    keys: { archive: { type: 'nacl', publicKey: base64(made.publicKey) } },
    encryption: { default: 'key/archive' },
  })
  const there = newHome(lines)
  const [listed] = jsonOf(await there.run('keys', 'list', '--json'))
  expect(listed).toMatchObject({ name: 'archive', id: made.id, default: true })
})

test('new never overwrites, and leaves no half of a pair', async () => {
  const home = newHome()
  const secret = home.write('one.key', 'secret')
  const open = home.write('two.pub', 'public')
  for (const name of ['one', 'two']) {
    const { error } = await home.run('keys', 'new', name, '--dir', home.path)
    expect(error).toBeInstanceOf(UserError)
    expect(error).toMatchObject({
      message: expect.stringMatching(/there already.*never overwritten/),
    })
  }
  expect(readFileSync(secret, 'utf8')).toBe('secret')
  expect(readFileSync(open, 'utf8')).toBe('public')
  expect(existsSync(join(home.path, 'one.pub'))).toBe(false)
  expect(existsSync(join(home.path, 'two.key'))).toBe(false)
})

const refused = [
  [['x', '--type', 'kms'], /AWS KMS/],
  [['x', '--type', 'aes'], /openssl rand/],
  [['x', '--type', 'foo'], /no type of key that is made here/],
  [['../x'], /no name of a key/],
  [['Upper'], /no name of a key/],
  [['\x1b[2J'], /\\x1b\[2J is no name/],
] as const

test.for(refused)('new %j is refused', async ([args, expected]) => {
  const home = newHome()
  const { error } = await home.run('keys', 'new', ...args, '--dir', join(home.path, 'keys'))
  expect(error).toBeInstanceOf(UserError)
  expect(error).toMatchObject({ message: expect.stringMatching(expected) })
  expect(readdirSync(home.path)).toEqual(['postern.yaml'])
})

test('list tells name, type, id, source and default of every key', async () => {
  const home = newHome(
    `keys:\n  ops: { type: nacl, publicKey: "${base64(key.publicKey)}" }\n  file: { type: nacl, publicKey: ./file.pub }\nencryption: { default: key/file }\n`,
  )
  const file = home.write('file.pub', formatPublicKey(otherKey.publicKey))
  expect(jsonOf(await home.run('keys', 'list', '--json'))).toEqual([
    { name: 'ops', type: 'nacl', id: key.id, source: 'keys.ops', default: false },
    { name: 'file', type: 'nacl', id: otherKey.id, source: file, default: true },
  ])
  const table = (await home.run('keys', 'list')).out.toString()
  expect(table).toMatch(new RegExp(`^file +nacl +${otherKey.id} +yes +${file}$`, 'm'))
})

test('list shows the embedded pair before and after it is made, without its secret half', async () => {
  const home = newHome()
  expect(jsonOf(await home.run('keys', 'list', '--json'))).toMatchObject([
    { name: 'main', type: 'nacl', id: null, default: true },
  ])
  expect((await home.run('keys', 'list')).out.toString()).toContain('(not made yet)')
  home.write('data/keys/main.pub', formatPublicKey(key.publicKey))
  const secret = home.write('data/keys/main.key', formatSecretKey(key.secretKey))
  chmodSync(secret, 0)
  expect(jsonOf(await home.run('keys', 'list', '--json'))).toMatchObject([
    { name: 'main', id: key.id, source: join(home.path, 'data/keys/main.pub'), default: true },
  ])
})

test('list says when nothing is sealed, and which file is damaged', async () => {
  const plain = newHome('encryption: { default: none }\n')
  expect((await plain.run('keys', 'list')).out.toString()).toContain('plaintext')
  const home = newHome()
  home.write('data/keys/main.pub', 'nonsense')
  const { error } = await home.run('keys', 'list')
  expect(error).toBeInstanceOf(UserError)
  expect(error).toMatchObject({ message: expect.stringContaining('main.pub: ') })
})
