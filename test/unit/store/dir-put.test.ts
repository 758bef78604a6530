/** A directory store after another process or a person has been at its files. */
import { execFile, spawn } from 'node:child_process'
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { isTransient, PermanentError } from '../../../src/errors.ts'
import { dirStore } from '../../../src/store/dir.ts'
import * as of from '../../conformance/content.ts'

let root = ''
beforeEach(async () => {
  root = join(await fs.mkdtemp(join(tmpdir(), 'postern-dir-put-')), 'store')
})
afterEach(() => fs.rm(join(root, '..'), { recursive: true }))

const put = (key: string, text: string, metadata: Record<string, string> = {}) =>
  dirStore(root).put(key, of.textBody(text), of.described(Buffer.byteLength(text), metadata))
const textAt = async (key: string) => (await of.bytesOf(await dirStore(root).get(key)))?.toString()
const keysOf = async () => (await of.all(dirStore(root).list())).map(({ key }) => key)
const temporary = () => fs.readdir(join(root, '%tmp'))

test('an object is a plain file, its metadata another beside it, nobody else may read them', async () => {
  await put('in/box/k', 'sealed', { 'postern-id': 'm1' })
  expect(await fs.readFile(join(root, 'in/box/k'), 'utf8')).toBe('sealed')
  const sidecar = await fs.readFile(join(root, 'in/box/k.metadata.json'), 'utf8')
  expect(JSON.parse(sidecar)).toMatchObject({
    contentType: 'application/octet-stream',
    metadata: { 'postern-id': 'm1' },
  })
  expect(await temporary()).toEqual([])
  const modeOf = async (path: string) => (await fs.stat(join(root, path))).mode & 0o777
  for (const file of ['in/box/k', 'in/box/k.metadata.json']) expect(await modeOf(file)).toBe(0o600)
  for (const folder of ['.', '%tmp', 'in', 'in/box']) expect(await modeOf(folder)).toBe(0o700)
})

test('a file that was copied in is an object', async () => {
  await put('a', 'one')
  await fs.writeFile(join(root, 'b'), 'two')
  expect(await keysOf()).toEqual(['a', 'b'])
  expect(await textAt('b')).toBe('two')
  expect(await dirStore(root).head('b')).toMatchObject({
    size: 3,
    contentType: 'application/octet-stream',
    metadata: {},
  })
  expect(await put('b', 'three')).toBe('existed')
  expect(await fs.readdir(root)).not.toContain('b.metadata.json')
})

test('an object whose content a person removed is gone, and its key is free', async () => {
  await put('k', 'one', { made: 'first' })
  await fs.rm(join(root, 'k'))
  expect(await keysOf()).toEqual([])
  expect(await dirStore(root).head('k')).toBeUndefined()
  expect(await put('k', 'two', { made: 'second' })).toBe('stored')
  expect((await dirStore(root).head('k'))?.metadata).toEqual({ made: 'second' })
})

test.for(['{', '[]', '{"contentType":"a/b","metadata":{"a":1}}'])(
  'a sidecar that holds %s is an error that names it, never an object without metadata',
  async (text) => {
    await put('k', 'one')
    await fs.writeFile(join(root, 'k.metadata.json'), text)
    await expect(dirStore(root).get('k')).rejects.toThrow(`${root}/k.metadata.json does not hold`)
  },
)

test('names that no key leads to are no objects, links are not followed', async () => {
  await put('a', 'one')
  for (const name of ['%2e', '%41', '%FF', '%', 'b%', '%zz', 'c\n']) {
    await fs.writeFile(join(root, name), 'x')
  }
  await fs.mkdir(join(root, 'd%'))
  await fs.writeFile(join(root, 'd%/e'), 'x')
  await fs.symlink('/etc/hostname', join(root, 'link'))
  expect(await keysOf()).toEqual(['a'])
  for (const key of ['link', '.', 'A', 'b%', 'de']) {
    expect(await dirStore(root).head(key), key).toBeUndefined()
  }
})

test('an object and others below its key cannot be: the second is refused for good', async () => {
  await put('a', 'one')
  await expect(put('a/b', 'two')).rejects.toThrow(PermanentError)
  await put('c/d', 'three')
  await expect(put('c', 'four')).rejects.toThrow(/cannot hold both an object and others below/)
  expect(await keysOf()).toEqual(['a', 'c/d'])
  expect(await fs.readdir(root)).toEqual(['%tmp', 'a', 'a.metadata.json', 'c'])
  expect(await temporary()).toEqual([])
})

const script = (action: string) => `
  import { dirStore } from '${join(import.meta.dirname, '../../../src/store/dir.ts')}'
  const store = dirStore('${root}')
  ${action}`
const node = (action: string, ...args: string[]) =>
  ['--input-type=module-typescript', '-e', script(action), ...args] as const

test('processes that race for keys store each once, with the metadata of its content', async () => {
  const race = node(`
    const stored = []
    for (let at = 0; at < 40; at++) {
      const text = process.argv[1].repeat(1000)
      const body = (async function* () { yield Buffer.from(text) })()
      const options = { length: 1000, contentType: 'a/b', metadata: { by: process.argv[1] } }
      if ((await store.put('k' + at, body, options)) === 'stored') stored.push('k' + at)
    }
    console.log(JSON.stringify(stored))`)
  const runs = ['a', 'b', 'c', 'd'].map((each) =>
    promisify(execFile)(process.execPath, [...race, each]),
  )
  const stored = (await Promise.all(runs)).flatMap(({ stdout }): unknown[] => JSON.parse(stdout))
  const keys = await keysOf()
  expect(stored.toSorted()).toEqual(keys)
  expect(keys).toHaveLength(40)
  for (const key of keys) {
    const by = (await dirStore(root).head(key))?.metadata['by'] ?? ''
    expect(await textAt(key)).toBe(by.repeat(1000))
  }
})

test('a process killed while it writes leaves no object; what it leaves is removed a day later', async () => {
  const half = node(`
    const body = (async function* () {
      yield Buffer.alloc(100_000)
      yield Buffer.alloc(100_000)
      console.log('half')
      await new Promise(() => setInterval(() => {}, 1000))
    })()
    await store.put('k', body, { length: 400_000, contentType: 'a/b', metadata: {} })`)
  const child = spawn(process.execPath, half, { stdio: ['ignore', 'pipe', 'inherit'] })
  for await (const _ of child.stdout) child.kill('SIGKILL')
  expect(await keysOf()).toEqual([])
  expect(await dirStore(root).get('k')).toBeUndefined()

  const [left = ''] = await temporary()
  expect((await fs.stat(join(root, '%tmp', left))).size).toBeGreaterThan(0)
  expect(await put('other', 'young files may be in use')).toBe('stored')
  expect(await temporary()).toEqual([left])
  const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000)
  await fs.utimes(join(root, '%tmp', left), yesterday, yesterday)
  expect(await put('k', 'again')).toBe('stored')
  expect(await temporary()).toEqual([])
})

test('a bucket that cannot be made is a transient failure: its disk may be mounted later', async () => {
  await fs.symlink('/nonexistent/elsewhere', root)
  const error = await put('a', 'sealed').catch((thrown: unknown) => thrown)
  expect(error).toBeInstanceOf(Error)
  expect(isTransient(error)).toBe(true)
})
