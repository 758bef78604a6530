/** What the failing of a disk means to those that commit at once, and the limits of the system, reached for real. */
import { spawnSync } from 'node:child_process'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { type Disk, nodeDisk } from '../../../src/spool/disk.ts'
import { filesOf, keep, Spool, scratch } from './support.ts'

test('one failed fsync of the directory fails all that waited for it, and none after', async () => {
  let failing = false
  const directories = new Set<number>()
  /** Plays a disk that can't write the names of a directory. */
  const disk: Disk = {
    ...nodeDisk,
    openDirectorySync(path) {
      const descriptor = nodeDisk.openDirectorySync(path)
      directories.add(descriptor)
      return descriptor
    },
    async fsync(descriptor) {
      if (failing && directories.has(descriptor)) throw new Error('EIO: played')
      return nodeDisk.fsync(descriptor)
    },
  }
  const dataDir = scratch()
  const spool = new Spool(dataDir, disk)
  const small = Buffer.alloc(1000, 'x')
  failing = true
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => keep(spool, small)))
  expect(outcomes.map(({ status }) => status)).toEqual(Array(8).fill('rejected'))
  expect([...filesOf(dataDir, 'queue'), ...filesOf(dataDir, 'incoming')]).toEqual([])
  failing = false
  await keep(spool, small)
  expect(filesOf(dataDir, 'queue')).toHaveLength(1)
  spool.close()
})

describe('limits of the system, reached for real in a process of its own', () => {
  const fixture = join(import.meta.dirname, '../../fixtures/spool-limits.ts')
  const limits = [
    // the shell's limit, the system's word, why
    ['ulimit -f 100', 'EFBIG', 'no file may grow over 100 KiB, as on a full disk the write fails'],
    ['ulimit -n 40', 'EMFILE', 'no descriptor is left'],
  ] as const

  test.for(limits)('%s gives %s and no entry; the next message is kept: %s', ([limit, code]) => {
    const command = `${limit} && exec "$0" "$@"`
    const args = ['-c', command, process.execPath, fixture, scratch(), code]
    const { stdout, stderr } = spawnSync('sh', args, { encoding: 'utf8', timeout: 20_000 })
    expect(stderr).toBe('')
    expect(JSON.parse(stdout)).toEqual({ code, queue: 0, incoming: 0, next: 1, leaked: 0 })
  })
})
