/** D§2.7: whether there is room is known without asking at each message, and doubt is never room. */
import { statfsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { freeSpace } from '../../../src/spool/free-space.ts'
import { scratch } from './support.ts'

const none = { minFreeBytes: 0, minFreeInodes: 0 }

test('before the file system was asked, there is no room', () => {
  expect(freeSpace(scratch(), { ...none, minFreeBytes: 1 }).isLow(0)).toBe(true)
})

test('a file system that cannot be asked has no room', async () => {
  const space = freeSpace(join(scratch(), 'gone'), { ...none, minFreeBytes: 1 })
  await space.refresh()
  expect(space.isLow(0)).toBe(true)
})

test('a file system that is mounted to be read only has no room, however much is free', async () => {
  // The kernel's own, which nobody can write, is one, root or not.
  const space = freeSpace('/proc/sys/fs', { ...none, minFreeBytes: 1 })
  await space.refresh()
  expect(space.isLow(0)).toBe(true)
})

test('the limit counts what is left after the message', async () => {
  const directory = scratch()
  const { bavail, bsize } = statfsSync(directory)
  const free = bavail * bsize
  // Others write to this disk, too: a quarter of it is more than they do.
  const space = freeSpace(directory, { ...none, minFreeBytes: Math.floor(free / 4) })
  await space.refresh()
  expect(space.isLow(0)).toBe(false)
  expect(space.isLow(Math.floor(free / 2))).toBe(false)
  expect(space.isLow(free)).toBe(true)
})

test('messages between two looks count together', async () => {
  const directory = scratch()
  const { bavail, bsize } = statfsSync(directory)
  const free = bavail * bsize
  const space = freeSpace(directory, { ...none, minFreeBytes: Math.floor(free / 4) })
  await space.refresh()
  const third = Math.floor(free / 3)
  expect([space.isLow(third), space.isLow(third), space.isLow(third)]).toEqual([false, false, true])
  await space.refresh()
  expect(space.isLow(third)).toBe(false)
})

test('inodes count where the file system counts them', async () => {
  const directory = scratch()
  const counted = statfsSync(directory).files > 0
  const space = freeSpace(directory, { ...none, minFreeInodes: Number.MAX_SAFE_INTEGER })
  await space.refresh()
  expect(space.isLow(0)).toBe(counted)
})
