/**
 * A directory store whose process dies before each of its steps on the file system in turn: never
 * half an object, never content with another's metadata, never a key that is lost.
 */
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { dirStore } from '../../../src/store/dir.ts'
import type { ObjectStore } from '../../../src/store/object-store.ts'
import * as of from '../../conformance/content.ts'

type Promises = typeof import('node:fs/promises')

/** Stands for a process that dies: from its last step on, nothing is done and nothing returns. */
const mortal = vi.hoisted(() => ({
  stepsLeft: Number.POSITIVE_INFINITY,
  died: () => {},
  open: new Set<{ close: () => Promise<void> }>(),
}))

function step<T>(act: () => Promise<T>): Promise<T> {
  if (mortal.stepsLeft-- > 0) return act()
  mortal.died()
  return new Promise(() => {})
}

vi.mock('node:fs/promises', async (original) => {
  const fs = await original<Promises>()
  const open: Promises['open'] = (...args) =>
    step(async () => {
      const file = await fs.open(...args)
      mortal.open.add(file)
      const { sync, writeFile } = file
      file.sync = () => step(() => sync.call(file))
      file.writeFile = (...all) => step(() => writeFile.apply(file, all))
      return file
    })
  return {
    ...fs,
    open,
    link: (...args: Parameters<Promises['link']>) => step(() => fs.link(...args)),
    mkdir: (...args: Parameters<Promises['mkdir']>) => step(() => fs.mkdir(...args)),
    unlink: (...args: Parameters<Promises['unlink']>) => step(() => fs.unlink(...args)),
    rm: (...args: Parameters<Promises['rm']>) => step(() => fs.rm(...args)),
  }
})

const { mkdtemp, rm } = await vi.importActual<Promises>('node:fs/promises')
let base = ''
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'postern-dir-crash-'))
})
afterEach(async () => {
  for (const file of mortal.open) await file.close()
  mortal.open.clear()
  await rm(base, { recursive: true })
})

/** Runs `act` in a process that dies before step `steps`; false when it lived to the end. */
async function dies(steps: number, act: () => Promise<unknown>): Promise<boolean> {
  const death = new Promise<boolean>((resolve) => {
    mortal.died = () => resolve(true)
  })
  mortal.stepsLeft = steps
  const outcome = await Promise.race([act().then(() => false), death])
  mortal.stepsLeft = Number.POSITIVE_INFINITY
  return outcome
}

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
