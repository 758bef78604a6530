/** Secret keys come from files that nobody else can read, and do not show themselves. */
import { chmod, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { inspect } from 'node:util'
import { expect, test } from 'vitest'
import { aesKey, naclKey, readKey, rsaKey } from '../../../src/client/index.ts'
import { UserError } from '../../../src/errors.ts'
import { formatPublicKey, formatSecretKey } from '../../../src/seal/keys.ts'
import { temporaryDirectory } from '../../support/temporary.ts'
import { aesSecret, rsaPem } from '../seal/s3ec/support.ts'
import { key } from './support.ts'

async function fileWith(text: string, mode = 0o600): Promise<string> {
  const path = join(temporaryDirectory('client'), 'main.key')
  await writeFile(path, text)
  await chmod(path, mode)
  return path
}

test('a .key file gives the key', async () => {
  const read = await readKey(await fileWith(formatSecretKey(key.secretKey)))
  const { secretKey, publicKey } = key
  expect(read).toMatchObject({ id: key.id, secretKey, publicKey })
})

const refused = [
  ['group may read it', formatSecretKey(key.secretKey), 0o640, /chmod 600/],
  ['others may read it', formatSecretKey(key.secretKey), 0o604, /chmod 600/],
  ['it is a public key', formatPublicKey(key.publicKey), 0o600, /main\.key: .*\.key file/],
  ['it is empty', '', 0o600, /main\.key: /],
  ['it is some long file', 'x'.repeat(20_000), 0o600, /too long/],
] as const

test.for(refused)('a key file is refused when %s', async ([, text, mode, expected]) => {
  const reading = readKey(await fileWith(text, mode))
  await expect(reading).rejects.toThrow(expected)
  await expect(reading).rejects.toBeInstanceOf(UserError)
  await expect(reading).rejects.not.toThrow(formatSecretKey(key.secretKey).slice(30, 60))
})

test('a missing file and a directory are told', async () => {
  const folder = temporaryDirectory('client')
  await chmod(folder, 0o700)
  await expect(readKey(join(folder, 'x.key'))).rejects.toThrow(/There is no key file/)
  await expect(readKey(folder)).rejects.toThrow(/cannot be read \(EISDIR\)/)
})

test('a key that is logged or serialised shows no secret', () => {
  const secret = Buffer.from(key.secretKey)
  expect(JSON.stringify(key)).not.toContain('secret')
  expect(inspect(key)).not.toContain('secret')
  expect(Buffer.from(key.secretKey).equals(secret)).toBe(true)
  expect(() => naclKey(new Uint8Array(31))).toThrow('32 bytes')
  const [rsa, aes] = [rsaKey(rsaPem), aesKey(aesSecret)]
  expect(inspect([rsa, aes])).toBe("[ { type: 'rsa' }, { type: 'aes' } ]")
  expect(JSON.stringify([rsa, aes])).toBe('[{"type":"rsa"},{"type":"aes"}]')
})
