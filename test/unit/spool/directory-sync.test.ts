/** The grouped fsync of a directory: nobody is told that his rename is on disk before it is. */
import { afterEach, expect, test } from 'vitest'
import { type DirectorySync, directorySync } from '../../../src/spool/directory-sync.ts'
import { type Disk, nodeDisk } from '../../../src/spool/disk.ts'
import { scratch } from './support.ts'

/** Plays an fsync that ends when the test says so, well or not. */
const calls: ((error: Error | null) => void)[] = []
const disk: Disk = {
  ...nodeDisk,
  fsync: () =>
    new Promise((resolve, reject) => {
      calls.push((error) => (error === null ? resolve() : reject(error)))
    }),
}

let opened: DirectorySync | undefined
afterEach(() => {
  opened?.close()
  calls.length = 0
})

function open(): DirectorySync {
  opened = directorySync(scratch(), disk)
  return opened
}

/** Lets promises that are settled run their course. */
const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))

/** Notes which of the callers have been answered, and how. */
function watch(callers: readonly Promise<void>[]): string[] {
  const answers = callers.map(() => 'waits')
  for (const [index, call] of callers.entries()) {
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
  expect(calls).toHaveLength(1)
  calls[0]?.(null)
  await turn()
  expect(answers).toEqual(['done', 'waits', 'waits', 'waits'])
  expect(calls).toHaveLength(2)
  calls[1]?.(null)
  await turn()
  expect(answers).toEqual(['done', 'done', 'done', 'done'])
})

test('however many ask at once, there are two fsyncs', async () => {
  const { sync } = open()
  const answers = watch(Array.from({ length: 1000 }, () => sync()))
  calls[0]?.(null)
  await turn()
  calls[1]?.(null)
  await turn()
  expect(calls).toHaveLength(2)
  expect(new Set(answers)).toEqual(new Set(['done']))
})

test('who asks while the second is under way gets a third', async () => {
  const { sync } = open()
  const answers = watch([sync(), sync()])
  calls[0]?.(null)
  await turn()
  const late = watch([sync()])
  calls[1]?.(null)
  await turn()
  expect([...answers, ...late]).toEqual(['done', 'done', 'waits'])
  calls[2]?.(null)
  await turn()
  expect(late).toEqual(['done'])
})

test('a failure is told to those it concerns and to nobody else', async () => {
  const { sync } = open()
  const answers = watch([sync(), sync(), sync()])
  calls[0]?.(new Error('EIO'))
  await turn()
  expect(answers).toEqual(['failed', 'waits', 'waits'])
  calls[1]?.(null)
  await turn()
  expect(answers).toEqual(['failed', 'done', 'done'])
  const after = watch([sync()])
  calls[2]?.(null)
  await turn()
  expect(after).toEqual(['done'])
})
