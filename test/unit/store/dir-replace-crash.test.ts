/**
 * An object in a directory store whose replacement dies before each of its steps on the file system in
 * turn: at every one a reader finds the old object or the new one, content with its own metadata, and
 * whatever is done next takes it from there and leaves nothing behind.
 */
import * as fs from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { dirStore } from '../../../src/store/dir.ts'
import type { ObjectStore, Replacement } from '../../../src/store/object-store.ts'
import * as of from '../../conformance/content.ts'
import { dies } from './mortal.ts'

vi.mock('node:fs', async (original) => {
  const { mortalFs } = await import('./mortal.ts')
  return mortalFs(await original<typeof import('node:fs')>())
})

let base = ''
beforeEach(async () => {
  base = await fs.mkdtemp(join(tmpdir(), 'postern-dir-replace-'))
})
afterEach(async () => {
  await fs.rm(base, { recursive: true })
})

const put = (store: ObjectStore, text: string, key = 'in/key') =>
  store.put(key, of.textBody(text), of.described(text.length, { of: text }))
const withContent = (text: string): Replacement => ({
  ...of.described(0, { of: text }),
  content: { body: of.textBody(text), length: text.length },
})
const metadataAlone: Replacement = { ...of.described(0, { of: 'first', second: 'yes' }) }
const replace = async (store: ObjectStore, by: Replacement) =>
  store.replace('in/key', by, (await store.head('in/key'))?.version ?? 'none')

/** The object as a reader finds it; that head and get agree, and the metadata is the content's. */
async function seen(root: string): Promise<string | undefined> {
  const store = dirStore(root)
  const opened = await store.get('in/key')
  expect(opened?.info).toEqual(await store.head('in/key'))
  const text = (await of.bytesOf(opened))?.toString()
  expect(opened?.info.metadata['of']).toBe(text)
  return opened?.info.metadata['second'] === undefined ? text : `${text}, described anew`
}

async function listed(root: string): Promise<unknown[]> {
  return (await of.all(dirStore(root).list())).map(({ key, size }) => [key, size])
}

/** A day later, the first put of a process removes what nobody needs. */
async function leftADayLater(root: string): Promise<string[]> {
  const folder = join(root, '%tmp')
  const yesterday = new Date(Date.now() - 25 * 60 * 60 * 1000)
  for (const name of await fs.readdir(folder))
    await fs.utimes(join(folder, name), yesterday, yesterday)
  await put(dirStore(root), 'x', 'other')
  return fs.readdir(folder)
}

/** Runs a replacement that dies after ever more steps, until it lives. */
async function* deaths(by: () => Replacement): AsyncGenerator<string> {
  for (let steps = 0; ; steps++) {
    const root = join(base, `${steps}`)
    await put(dirStore(root), 'first')
    if (!(await dies(steps, () => replace(dirStore(root), by())))) return
    yield root
  }
}

test('is the old object or the new one at every moment, and the listing says the same', async () => {
  const found: (string | undefined)[] = []
  for await (const root of deaths(() => withContent('the second'))) {
    const text = await seen(root)
    found.push(text)
    expect(await listed(root)).toEqual([['in/key', text?.length]])
    expect(await seen(root)).toBe(text)
    expect(await leftADayLater(root)).toEqual([])
    expect(await seen(root)).toBe(text)
  }
  expect(found.length).toBeGreaterThan(10)
  expect([...new Set(found)]).toEqual(['first', 'the second'])
  expect(found).toEqual(found.toSorted()) // the old until it is the new, and never again the old
})

test('has its old metadata or its new at every moment, and its content always', async () => {
  const found: (string | undefined)[] = []
  for await (const root of deaths(() => metadataAlone)) {
    found.push(await seen(root))
    expect(await leftADayLater(root)).toEqual([])
    expect(await seen(root)).toBe(found.at(-1))
  }
  expect([...new Set(found)]).toEqual(['first', 'first, described anew'])
  expect(found).toEqual(found.toSorted())
})

const sequels = [
  ['another replacement', (root: string) => replace(dirStore(root), withContent('third')), 'third'],
  ['new metadata', (root: string) => replace(dirStore(root), metadataAlone), 'described anew'],
  ['a put of the key', (root: string) => put(dirStore(root), 'third'), 'what it was'],
  ['a delete', (root: string) => dirStore(root).delete('in/key'), undefined],
] as const
test.for(sequels)('is taken from there by %s', async ([name, act, expected]) => {
  for await (const root of deaths(() => withContent('the second'))) {
    const before = await seen(root)
    if (name === 'new metadata' && before !== 'first') continue
    await act(root)
    const after = await seen(root)
    if (expected === 'what it was') expect(after).toBe(before)
    else if (expected === 'described anew') expect(after).toBe('first, described anew')
    else expect(after).toBe(expected)
    expect(await listed(root)).toEqual(
      after === undefined
        ? []
        : [['in/key', 5 + (after.length - 5) * Number(expected === 'what it was')]],
    )
    expect(await leftADayLater(root)).toEqual([])
  }
})

test('is put anew after a delete that died in the middle of it', async () => {
  for await (const root of deaths(() => withContent('the second'))) {
    for (let steps = 0; await dies(steps, () => dirStore(root).delete('in/key')); steps++) {
      const text = await seen(root)
      expect(['first', 'the second', undefined]).toContain(text)
    }
    expect(await seen(root)).toBeUndefined()
    await put(dirStore(root), 'third')
    expect(await seen(root)).toBe('third')
    expect(await leftADayLater(root)).toEqual([])
  }
})

test('counts for as long as it cannot get its place', async () => {
  for await (const root of deaths(() => withContent('the second'))) {
    if ((await seen(root)) !== 'the second') continue
    const links = (await fs.readdir(join(root, '%tmp'))).filter((name) => name.includes('.next'))
    if (links.length === 0) continue
    // Stands for a folder that may not be written: its sidecar cannot be read, so nothing is moved.
    const sidecar = join(root, 'in/key.metadata.json')
    const text = await fs.readFile(sidecar)
    await fs.writeFile(sidecar, '{')
    expect(await leftADayLater(root)).toContain(links[0])
    await fs.writeFile(sidecar, text)
    expect(await seen(root)).toBe('the second')
    return
  }
  expect.unreachable('one death must leave a link')
})
