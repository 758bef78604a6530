/** Every key has one path below the root, and the path gives it back (src/store/dir-names.ts). */
import { join, normalize } from 'node:path'
import fc from 'fast-check'
import { expect, test } from 'vitest'
import { octetsOf, pathOf } from '../../../src/store/dir-names.ts'
import { keys } from './keys.ts'

const cases = [
  // key, path, why
  ['inbox/0a1b', 'inbox/0a1b', 'an ordinary key is its own path'],
  ['a b/~c,(d)', 'a b/~c,(d)', 'printable ASCII stays as it is'],
  ['/a', '%/a', 'a path never starts at the root of the file system'],
  ['a//b', 'a/%/b', 'no name is empty'],
  ['a/', 'a/%empty', 'an object is never a folder'],
  ['.', '%2E', 'a name never means its own folder'],
  ['a/../b', 'a/%2E%2E/b', 'a name never means the folder above'],
  ['.a/..b/c..', '.a/..b/c..', 'other dots mean nothing'],
  ['50%/%2E', '50%25/%252E', 'what looks like an escape is none'],
  ['ü\n\0', '%C3%BC%0A%00', 'other octets are escaped'],
  ['k.metadata.json', 'k.metadata.jso%6E', "an object is never in a sidecar's place"],
  ['k.metadata.json/x', 'k.metadata.jso%6E/x', "a folder is never in a sidecar's place"],
  ['%tmp/x', '%25tmp/x', 'an object is never among the temporary files'],
  ['x'.repeat(239), 'x'.repeat(239), 'a name may be as long as a sidecar leaves room for'],
  ['x'.repeat(241), `${'x'.repeat(239)}%/xx`, 'a longer one goes on in a folder'],
  [`${'x'.repeat(239)}..`, `${'x'.repeat(239)}%/%2E%2E`, 'what it goes on with is guarded, too'],
  [`${'x'.repeat(239)}/y`, `${'x'.repeat(239)}%/%/y`, "a folder's slash counts as one more"],
] as const
test.for(cases)('the path of %j is %j: %s', ([key, expected]) => {
  expect(pathOf(key)).toBe(expected)
})

/** What a listing makes of a path: the octets of its names, one after the other. */
function keyOf(path: string): string {
  const names = path.split('/')
  const octets = names.map((name, at) => octetsOf(name, at < names.length - 1))
  return Buffer.concat(octets.map((each) => each ?? Buffer.from(`no name: ${path}`))).toString()
}

test('a path gives back its key, so no two keys share one', () => {
  fc.assert(
    fc.property(keys, (key) => {
      expect(keyOf(pathOf(key))).toBe(key)
    }),
  )
})

test('a path stays below the root, in names that any file system of Linux takes', () => {
  fc.assert(
    fc.property(keys, (key) => {
      const path = pathOf(key)
      const full = join('/root/of/store', path)
      expect(full).toBe(`/root/of/store/${path}`)
      expect(normalize(full)).toBe(full)
      expect(path).toMatch(/^[ -~]+$/)
      const [content = '', ...folders] = path.split('/').toReversed()
      expect(`${content}.metadata.json`.length).toBeLessThanOrEqual(255)
      for (const name of folders) expect(name.length).toBeLessThanOrEqual(255)
    }),
  )
})

test('no object has the place of a sidecar, a folder that splits a name, or a temporary file', () => {
  fc.assert(
    fc.property(keys, keys, (one, other) => {
      const path = pathOf(one)
      expect(path).not.toMatch(/\.metadata\.json(\/|$)|^%tmp(\/|$)/)
      expect(pathOf(other)).not.toBe(`${path}.metadata.json`)
    }),
  )
})

test('folders keep keys together that are together in the order of keys', () => {
  const order = (a: string, b: string) => Buffer.compare(Buffer.from(a), Buffer.from(b))
  fc.assert(
    fc.property(fc.array(keys, { minLength: 3, maxLength: 12 }), (some) => {
      const sorted = [...new Set(some)].toSorted(order)
      const folders = sorted.map((key) => pathOf(key).split('/').slice(0, -1))
      const depth = Math.max(...folders.map((each) => each.length))
      for (let level = 1; level <= depth; level++) {
        const runs = folders
          .map((each) => (each.length < level ? undefined : each.slice(0, level).join('/')))
          .filter((each, at, all) => at === 0 || each !== all[at - 1])
          .filter((each) => each !== undefined)
        expect(new Set(runs).size).toBe(runs.length)
      }
    }),
    { numRuns: 500 },
  )
})
