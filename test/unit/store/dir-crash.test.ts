/**
 * A directory store whose process dies before each of its steps on the file system in turn: never
 * half an object, never content with another's metadata, never a key that is lost.
 */
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { dirStore } from '../../../src/store/dir.ts'
import type { ObjectStore } from '../../../src/store/object-store.ts'
import * as of from '../../conformance/content.ts'
import { dies } from './mortal.ts'

vi.mock('node:fs', async (original) => {
  const { mortalFs } = await import('./mortal.ts')
  return mortalFs(await original<typeof import('node:fs')>())
})

let base = ''
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'postern-dir-crash-'))
})
afterEach(async () => {
  await rm(base, { recursive: true })
})

const put = (store: ObjectStore, text: string) =>
  store.put('in/key', of.textBody(text), of.described(text.length, { of: text }))

/** What is there, in every way to look; undefined when nothing is. */
async function seen(root: string): Promise<string | undefined> {
  const store = dirStore(root)
  const listed = await of.all(store.list())
  const info = await store.head('in/key')
  const opened = await store.get('in/key')
  expect(listed.map(({ key }) => key)).toEqual(info === undefined ? [] : ['in/key'])
  expect(opened?.info).toEqual(info)
  const text = (await of.bytesOf(opened))?.toString()
  expect(info?.metadata['of']).toBe(text)
  return text
}

test('a put that dies leaves no object or a whole one, and the next put of the key is done', async () => {
  const outcomes: string[] = []
  for (let steps = 0; ; steps++) {
    const root = join(base, `${steps}`)
    if (!(await dies(steps, () => put(dirStore(root), 'first')))) break
    const left = await seen(root)
    const next = await put(dirStore(root), 'second')
    const then = await seen(root)
    outcomes.push(`${left} ${next} ${then}`)
  }
  const order = [...new Set(outcomes)]
  expect(order).toEqual([
    'undefined stored second', // nothing was promised for the key yet
    'undefined existed first', // the key was taken: the next put completes the first
    'first existed first', // all was there but the answer
  ])
})

test('a delete that dies leaves the whole object or none, and the next put of the key is done', async () => {
  const outcomes: string[] = []
  for (let steps = 0; ; steps++) {
    const root = join(base, `${steps}`)
    await put(dirStore(root), 'first')
    if (!(await dies(steps, () => dirStore(root).delete('in/key')))) break
    const left = await seen(root)
    const next = await put(dirStore(root), 'second')
    outcomes.push(`${left} ${next} ${await seen(root)}`)
  }
  expect([...new Set(outcomes)]).toEqual(['first existed first', 'undefined stored second'])
})

test('a put that completes another must find its content: one that is lost is put anew', async () => {
  const root = join(base, 'lost')
  for (let steps = 0; ; steps++) {
    await rm(root, { recursive: true, force: true })
    if (!(await dies(steps, () => put(dirStore(root), 'first')))) break
    await rm(join(root, '%tmp'), { recursive: true, force: true })
    const left = await seen(root)
    expect(await put(dirStore(root), 'second')).toBe(left === undefined ? 'stored' : 'existed')
    expect(await seen(root)).toBe(left ?? 'second')
  }
})
