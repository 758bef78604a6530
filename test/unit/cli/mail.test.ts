/** `postern mail`: what is written is the mail, exactly; what goes wrong is one sentence. */
import { writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { UserError } from '../../../src/errors.ts'
import { formatSecretKey } from '../../../src/seal/keys.ts'
import { dirStore } from '../../../src/store/dir.ts'
import { idOf, judged, key, otherKey, pieces, storeMessage, time } from '../client/support.ts'
import { type Home, jsonOf, newHome, type Ran } from './support.ts'

const raw = Buffer.from('Subject: gr\xfc\xdfe\r\n\r\n\x00\x1b[2J no line end', 'latin1')

type Options = Parameters<typeof storeMessage>[2]

function store(home: Home, message: string | Uint8Array, options: Options = {}, bucket = 'inbox') {
  return storeMessage(dirStore(home.bucket(bucket)), message, options)
}

function homeWithKey(lines = ''): Home {
  const home = newHome(lines)
  home.write('data/keys/main.key', formatSecretKey(key.secretKey))
  return home
}

function sentenceOf({ error, out }: Ran): string {
  expect(error).toBeInstanceOf(UserError)
  expect(out.length).toBe(0)
  return error instanceof UserError ? error.message : ''
}

test('list --json gives exactly id, key, time, size and verdicts, one object a line', async () => {
  const home = newHome()
  await store(home, raw, { prefix: 'support/', verdicts: judged })
  await store(home, 'x', { id: idOf(2), prefix: 'support/' })
  const [first, second] = jsonOf(await home.run('mail', 'list', '--json'))
  expect(first).toEqual({
    id: idOf(1),
    key: `support/${idOf(1)}`,
    time,
    size: raw.length,
    verdicts: {
      spf: 'PASS',
      dkim: 'GRAY',
      dmarc: 'FAIL',
      spam: 'PROCESSING_FAILED',
      virus: 'DISABLED',
      dmarcPolicy: 'reject',
    },
  })
  expect(second).toMatchObject({ id: idOf(2), size: 1 })
})

test('list shows a line a message, and can be narrowed', async () => {
  const home = newHome()
  for (const n of [1, 2, 3]) await store(home, 'x', { id: idOf(n) })
  await store(home, raw, { id: idOf(4), prefix: 'support', verdicts: judged })
  const keys = async (...args: string[]) =>
    jsonOf(await home.run('mail', 'list', '--json', ...args)).map((each) => each['key'])
  expect(await keys('--limit', '2')).toEqual([idOf(1), idOf(2)])
  expect(await keys('--after', idOf(2), '--limit', '1')).toEqual([idOf(3)])
  expect(await keys('--prefix', 'support/')).toEqual([`support/${idOf(4)}`])
  const { out } = await home.run('mail', 'list', '--after', idOf(2))
  expect(out.toString().split('\n')).toEqual([
    `${idOf(3)}  ${time}          1  all DISABLED`,
    `support/${idOf(4)}  ${time}         ${raw.length}  spf=PASS dkim=GRAY dmarc=FAIL spam=PROCESSING_FAILED virus=DISABLED (policy reject)`,
    '',
  ])
  expect((await home.run('mail', 'list', '--limit', '0')).error).toMatchObject({
    code: 'commander.invalidArgument',
  })
})

test('nothing from the store reaches the terminal unescaped', async () => {
  const home = newHome()
  await dirStore(home.bucket('inbox')).put('\x1b[2J\n\x9b/k', pieces(Buffer.from('x'), 1), {
    length: 1,
    contentType: 'text/plain',
    metadata: { 'postern-id': '\x1b[31m', 'postern-time': '\x1b[0m' },
  })
  const { out } = await home.run('mail', 'list')
  expect(out.toString()).toMatch(/^\\x1b\[2J\\x0a\\x9b\/k {2}\d{4}-.*\n$/)
})

test('get writes the fields before the message and the message, octet for octet', async () => {
  const home = homeWithKey()
  await store(home, raw)
  const { out, error } = await home.run('mail', 'get', idOf(1))
  expect(error).toBeUndefined()
  expect(out.subarray(-raw.length).equals(raw)).toBe(true)
  const before = out.subarray(0, -raw.length).toString()
  expect(before).toMatch(/^Return-Path: <jo@example.test>\r\nReceived: [\s\S]*\r\n$/)
  expect((await home.run('mail', 'get', idOf(1), '--original')).out.equals(raw)).toBe(true)
})

test('get --receipt and --json are for programs', async () => {
  const home = homeWithKey()
  await store(home, raw, { verdicts: judged })
  const [receipt] = jsonOf(await home.run('mail', 'get', '--receipt'))
  expect(receipt).toMatchObject({ version: 1, id: idOf(1), verdicts: judged })
  const [whole] = jsonOf(await home.run('mail', 'get', '--json'))
  expect(whole).toMatchObject({ id: idOf(1), key: idOf(1), sealed: true, receipt })
  expect(whole?.['headers']).toEqual([{ name: 'Subject', value: 'gr\xfc\xdfe' }])
  expect(Buffer.from(String(whole?.['original']), 'base64').equals(raw)).toBe(true)
})

test('get without an id takes the newest, whatever stands beside it', async () => {
  const home = homeWithKey()
  await store(home, 'old', { id: idOf(1), prefix: 'z' })
  await store(home, 'new', { id: idOf(2), prefix: 'a' })
  for (const at of [idOf(9), 'z/notes.txt']) {
    await dirStore(home.bucket('inbox')).put(at, pieces(Buffer.from('x'), 1), {
      length: 1,
      contentType: 'text/plain',
      metadata: {},
    })
  }
  const get = async (...args: string[]) =>
    (await home.run('mail', 'get', '--original', ...args)).out.toString()
  expect(await get()).toBe('new')
  expect(await get('--prefix', 'z/')).toBe('old')
})

test('get takes an id, a key, or an id below --prefix', async () => {
  const home = homeWithKey()
  await store(home, 'one', { id: idOf(1), prefix: 'a/b' })
  await store(home, 'twice', { id: idOf(2), prefix: 'a' })
  await store(home, 'twice', { id: idOf(2), prefix: 'c' })
  const get = (...args: string[]) => home.run('mail', 'get', '--original', ...args)
  expect((await get(idOf(1))).out.toString()).toBe('one')
  expect((await get(`a/b/${idOf(1)}`)).out.toString()).toBe('one')
  expect((await get(idOf(1), '--prefix', 'a/b/')).out.toString()).toBe('one')
  expect((await get(idOf(2), '--prefix', 'c/')).out.toString()).toBe('twice')
  const sentence = sentenceOf(await get(idOf(2)))
  expect(sentence).toContain(`a/${idOf(2)}`)
  expect(sentence).toContain(`c/${idOf(2)}`)
})

test('what is not there is one sentence with the remedy', async () => {
  const home = newHome()
  expect(sentenceOf(await home.run('mail', 'get'))).toMatch(
    /no messages in inbox \(directory .*send/,
  )
  const { out, err, error } = await home.run('mail', 'list')
  expect([out.length, error]).toEqual([0, undefined])
  expect(err).toMatch(/^postern: There are no messages in inbox .*--bucket/)
  expect((await home.run('mail', 'list', '--json')).err).toBe('')
  await store(home, raw)
  const missing = await home.run('mail', 'get', idOf(7))
  expect(sentenceOf(missing)).toMatch(/There is no message 0.*postern mail list --bucket inbox/)
  expect(sentenceOf(await home.run('mail', 'get', '\x1b[2J'))).toContain('\\x1b[2J')
})

test('a missing and a wrong key are one sentence with the remedy', async () => {
  const home = newHome()
  await store(home, raw)
  const none = sentenceOf(await home.run('mail', 'get'))
  expect(none).toContain(join(home.path, 'data/keys/main.key'))
  expect(none).toContain('--key FILE')
  const wrong = home.write('wrong.key', formatSecretKey(otherKey.secretKey))
  expect(sentenceOf(await home.run('mail', 'get', '--key', wrong))).toContain(key.id)
  expect(sentenceOf(await home.run('mail', 'get', '--key', 'nowhere.key'))).toContain('nowhere.key')
  const open = home.write('open.key', formatSecretKey(key.secretKey), 0o644)
  expect(sentenceOf(await home.run('mail', 'get', '--key', open))).toContain('chmod 600')
  const right = home.write('right.key', formatSecretKey(key.secretKey))
  const both = await home.run('mail', 'get', '--key', wrong, '--key', right, idOf(1), '--original')
  expect(both.out.equals(raw)).toBe(true)
})

test('plaintext needs no key', async () => {
  const home = newHome()
  await store(home, raw, { plaintext: true })
  expect((await home.run('mail', 'get', '--original')).out.equals(raw)).toBe(true)
})

test('a damaged message is a failure, and its beginning is called so', async () => {
  const home = homeWithKey()
  const at = await store(home, Buffer.alloc(300_000, 'x'))
  const file = join(home.bucket('inbox'), at)
  const object = await dirStore(home.bucket('inbox')).get(at)
  const content = Buffer.concat(await Array.fromAsync(object?.body ?? []))
  content[250_000] = (content[250_000] ?? 0) ^ 1
  writeFileSync(file, content)
  const { out, error } = await home.run('mail', 'get', '--original')
  expect(error).toMatchObject({ message: 'What was written is not the whole message' })
  expect(error).not.toBeInstanceOf(UserError)
  expect(out.equals(Buffer.alloc(out.length, 'x'))).toBe(true)
  const receipt = await home.run('mail', 'get', '--receipt')
  expect(receipt.error).toMatchObject({ reason: 'tampered' })
  expect(receipt.out.length).toBe(0)
})

const ruleSet = (...buckets: string[]): string =>
  JSON.stringify({
    Metadata: { Name: 'default' },
    Rules: buckets.map((BucketName) => ({
      Name: `to-${BucketName}`,
      Enabled: true,
      Actions: [{ S3Action: { BucketName } }],
    })),
  })

test('the bucket is the only one of the rules, or inbox, or has to be named', async () => {
  const home = homeWithKey()
  await store(home, 'in archive', {}, 'archive')
  await store(home, 'in inbox')
  const got = async (...args: string[]) =>
    (await home.run('mail', 'get', '--original', ...args)).out.toString()
  expect(await got()).toBe('in inbox')
  home.write('rules/default.json', ruleSet('archive'))
  expect(await got()).toBe('in archive')
  expect(await got('--bucket', 'inbox')).toBe('in inbox')
  home.write('rules/default.json', ruleSet('archive', 'inbox'))
  expect(await got()).toBe('in inbox')
  home.write('rules/default.json', ruleSet('archive', 'other'))
  expect(sentenceOf(await home.run('mail', 'list'))).toContain('(archive, other)')
  home.write('rules/default.json', 'broken')
  expect(await got()).toBe('in inbox')
})

test('a bucket that the configuration maps is looked for where it is', async () => {
  const home = homeWithKey('resources: { buckets: { inbox: { type: dir, path: ./else } } }\n')
  await storeMessage(dirStore(join(home.path, 'else')), 'mapped')
  expect((await home.run('mail', 'get', '--original')).out.toString()).toBe('mapped')
})
