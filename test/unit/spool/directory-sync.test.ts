/** The grouped fsync of a directory: nobody is told that his rename is on disk before it is. */
import type fs from 'node:fs'
import { afterEach, expect, test, vi } from 'vitest'
import { type DirectorySync, directorySync } from '../../../src/spool/directory-sync.ts'
import { scratch } from './support.ts'

/** Plays an fsync that ends when the test says so, well or not. */
const disk = vi.hoisted(() => ({ calls: [] as ((error: Error | null) => void)[] }))

vi.mock('node:fs', async (original) => {
  const real = (await original<{ default: typeof fs }>()).default
  const played = {
    ...real,
    fsync: (_fd: number, done: (error: Error | null) => void) => void disk.calls.push(done),
  }
  return { ...played, default: played }
})

let opened: DirectorySync | undefined
afterEach(() => {
  opened?.close()
  disk.calls.length = 0
})

function open(): DirectorySync {
  opened = directorySync(scratch())
  return opened
}

/** Lets promises that are settled run their course. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Notes which of the callers have been answered, and how. */
function watch(calls: readonly Promise<void>[]): string[] {
  const answers = calls.map(() => 'waits')
  for (const [index, call] of calls.entries()) {
    call.then(
      () => (answers[index] = 'done'),
      () => (answers[index] = 'failed'),
    )
  }
  return answers
}

test('a caller never gets an fsync that began before it asked', async () => {
  const { sync } = open()
  const first = sync()
  const later = [sync(), sync(), sync()]
  const answers = watch([first, ...later])
  expect(disk.calls).toHaveLength(1)
  disk.calls[0]?.(null)
  await turn()
  expect(answers).toEqual(['done', 'waits', 'waits', 'waits'])
  expect(disk.calls).toHaveLength(2)
  disk.calls[1]?.(null)
  await turn()
  expect(answers).toEqual(['done', 'done', 'done', 'done'])
})

test('however many ask at once, there are two fsyncs', async () => {
  const { sync } = open()
  const calls = Array.from({ length: 1000 }, () => sync())
  const answers = watch(calls)
  disk.calls[0]?.(null)
  await turn()
  disk.calls[1]?.(null)
  await turn()
  expect(disk.calls).toHaveLength(2)
  expect(new Set(answers)).toEqual(new Set(['done']))
})

test('who asks while the second is under way gets a third', async () => {
  const { sync } = open()
  const answers = watch([sync(), sync()])
  disk.calls[0]?.(null)
  await turn()
  const late = watch([sync()])
  disk.calls[1]?.(null)
  await turn()
  expect([...answers, ...late]).toEqual(['done', 'done', 'waits'])
  disk.calls[2]?.(null)
  await turn()
  expect(late).toEqual(['done'])
})

test('a failure is told to those it concerns and to nobody else', async () => {
  const { sync } = open()
  const answers = watch([sync(), sync(), sync()])
  disk.calls[0]?.(new Error('EIO'))
  await turn()
  expect(answers).toEqual(['failed', 'waits', 'waits'])
  disk.calls[1]?.(null)
  await turn()
  expect(answers).toEqual(['failed', 'done', 'done'])
  const after = watch([sync()])
  disk.calls[2]?.(null)
  await turn()
  expect(after).toEqual(['done'])
})
