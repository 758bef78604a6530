/** Listing a directory gives what S3 would, and reads no more folders than it must. */
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join, relative } from 'node:path'
import fc from 'fast-check'
import { afterAll, beforeAll, expect, test, vi } from 'vitest'
import { listDirectory } from '../../../src/store/dir-list.ts'
import { pathOf } from '../../../src/store/dir-names.ts'
import { all } from '../../conformance/content.ts'
import { keys } from './keys.ts'

const read = vi.hoisted((): string[] => [])
vi.mock('node:fs/promises', async (original) => {
  const fs = await original<typeof import('node:fs/promises')>()
  const opendir: typeof fs.opendir = (path, options) => {
    read.push(path.toString())
    return fs.opendir(path, options)
  }
  return { ...fs, opendir }
})

let base = ''
beforeAll(async () => {
  base = await mkdtemp(join(tmpdir(), 'postern-dir-list-'))
})
afterAll(() => rm(base, { recursive: true }))

const byOctets = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
const listed = async (root: string, options: { prefix?: string; after?: string }) =>
  (await all(listDirectory(root, options))).map(({ key }) => key)

/** A directory with an object at each key, but where one lies below another. */
async function directoryOf(some: readonly string[]): Promise<{ root: string; held: string[] }> {
  const root = join(base, crypto.randomUUID())
  await mkdir(root)
  const held: string[] = []
  for (const key of new Set(some)) {
    const path = pathOf(key)
    const apart = held.map(pathOf).every((each) => !isBelow(each, path) && !isBelow(path, each))
    if (!apart) continue
    await mkdir(dirname(join(root, path)), { recursive: true })
    await writeFile(join(root, path), '')
    held.push(key)
  }
  return { root, held: held.sort(byOctets) }
}
const isBelow = (path: string, folder: string) => path.startsWith(`${folder}/`)

test('any keys come in the order of their octets, for any prefix and from any place', async () => {
  const some = fc.array(keys, { minLength: 1, maxLength: 20 })
  const cut = fc.nat({ max: 1024 })
  await fc.assert(
    fc.asyncProperty(some, keys, cut, async (given, other, length) => {
      const { root, held } = await directoryOf(given)
      for (const key of [...held, other]) {
        const after = Array.from(key).slice(0, length).join('')
        const prefix = Array.from(key)
          .slice(0, length % 7)
          .join('')
        const later = held.filter((each) => byOctets(each, after) > 0)
        expect(await listed(root, { after })).toEqual(later)
        const below = later.filter((each) => each.startsWith(prefix))
        expect(await listed(root, { after, prefix })).toEqual(below)
      }
    }),
    { numRuns: 30 },
  )
})

const folders = [
  // prefix, after, folders read, why
  ['', '', ['', 'a', 'b', 'b/c', 'b/d', 'e'], 'everything may be wanted'],
  ['b/c/', '', ['', 'b', 'b/c'], 'only what the prefix leads to'],
  ['b', 'b/c/z', ['', 'b', 'b/c', 'b/d'], 'a place in a folder needs that folder'],
  ['', 'b/d', ['', 'b', 'b/d', 'e'], 'folders before the place are passed over'],
  ['z', '', [''], 'nothing can start so'],
] as const
test.for(folders)('with prefix %j after %j it reads %j: %s', async ([prefix, after, expected]) => {
  const { root } = await directoryOf(['a/1', 'b/c/1', 'b/d/1', 'e/1', 'f'])
  read.length = 0
  await listed(root, { prefix, after })
  expect(read.map((path) => relative(root, path))).toEqual(expected)
})

test('nothing is read before it is asked for', async () => {
  const { root } = await directoryOf(['a/1', 'b/1'])
  read.length = 0
  for await (const _ of listDirectory(root, {})) break
  expect(read.map((path) => relative(root, path))).toEqual(['', 'a'])
})
