/** SECURITY.md names tests that are there: what protects is tried. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { targetNames } from '../../torture/fuzz/targets.ts'

const root = join(import.meta.dirname, '../..')
const text = readFileSync(join(root, 'SECURITY.md'), 'utf8')

test('every test, file and document that SECURITY.md names is there', () => {
  const named = [...text.matchAll(/(?:test|docs|deploy|src)\/[\w/.-]*\w/g)].map(([path]) => path)
  expect(named.length).toBeGreaterThan(20)
  const isThere = (path: string): boolean =>
    ['', '.test.ts', '.smtp'].some((end) => existsSync(join(root, path + end)))
  expect(named.filter((path) => !isThere(path))).toEqual([])
})

test('every target of the fuzzing that it names is one', () => {
  const rows = [...text.matchAll(/targets? ((?:`[\w-]+`(?:, )?)+)/g)]
  const named = rows.flatMap(([, names = '']) => names.match(/[\w-]+/g) ?? [])
  expect(named.length).toBeGreaterThan(2)
  expect(named.filter((name) => !targetNames.includes(name))).toEqual([])
})
