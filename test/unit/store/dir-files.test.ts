/** The fsync of a folder, shared by those who wait for it. The disk is a fake that answers when it is told to. */
import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { syncFolder } from '../../../src/store/dir-files.ts'

type Answer = (error: Error | null) => void
const { begun } = vi.hoisted(() => ({ begun: [] as Answer[] }))

vi.mock('node:fs', async (original) => ({
  ...(await original<typeof import('node:fs')>()),
  fsync: (_file: number, answer: Answer) => void begun.push(answer),
}))

let folder = ''
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-dir-files-'))
  begun.length = 0
})
afterEach(() => rmSync(folder, { recursive: true }))

const turn = () => new Promise((resolve) => setImmediate(resolve))

test('who asks while one is under way gets the next, with all who asked meanwhile', async () => {
  const done: string[] = []
  const ask = (name: string) => void syncFolder(folder).then(() => done.push(name))
  ask('first')
  for (const name of ['second', 'third']) ask(name)
  await turn()
  expect(begun).toHaveLength(1)
  begun[0]?.(null)
  await turn()
  expect(done).toEqual(['first'])
  expect(begun).toHaveLength(2)
  ask('fourth')
  begun[1]?.(null)
  await turn()
  expect(done).toEqual(['first', 'second', 'third'])
  begun[2]?.(null)
  await turn()
  expect(done).toEqual(['first', 'second', 'third', 'fourth'])
})

test('one that fails fails those who waited for it, and the next is tried', async () => {
  const first = syncFolder(folder)
  const second = syncFolder(folder)
  begun[0]?.(new Error('EIO'))
  await expect(first).rejects.toThrow('EIO')
  await turn()
  begun[1]?.(null)
  await second
})

test('folders do not wait for each other', () => {
  void syncFolder(folder)
  void syncFolder(tmpdir())
  expect(begun).toHaveLength(2)
  for (const answer of begun) answer(null)
})
