/** Each step of a commit fails in turn: there is no entry, no leftover, no descriptor, and the next works. */
import { spawnSync } from 'node:child_process'
import type fs from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { filesOf, messageIn, openDescriptors, restOfRecord, Spool, scratch } from './support.ts'

/** Plays a disk that fails (EIO), or is full in the middle of a write (partial writes, then ENOSPC). */
const disk = vi.hoisted(() => ({ failing: '', partial: false }))

vi.mock('node:fs', async (original) => {
  const real = (await original<{ default: typeof fs }>()).default
  const eio = (step: string): Error =>
    Object.assign(new Error(`EIO: i/o error, ${step}`), { code: 'EIO' })
  const isDirectory = (fd: number): boolean => real.fstatSync(fd).isDirectory()
  type Done = (error: Error | null, written?: number) => void
  const first = (octets: readonly Buffer[]): Buffer[] => [
    (octets[0] ?? Buffer.of()).subarray(0, Math.ceil((octets[0]?.length ?? 0) / 2)),
  ]
  const played = {
    ...real,
    openSync(...args: Parameters<typeof real.openSync>) {
      if (disk.failing === 'open' && args[1] === 'wx') throw eio('open')
      return real.openSync(...args)
    },
    writevSync(fd: number, octets: Buffer[]) {
      if (disk.failing === 'write') throw eio('write')
      return real.writevSync(fd, disk.partial ? first(octets) : octets)
    },
    writev: Object.assign(
      (fd: number, octets: Buffer[], done: Done) => {
        if (disk.failing === 'early write') return void setImmediate(done, eio('write'))
        real.writev(fd, disk.partial ? first(octets) : octets, done)
      },
      {
        [Symbol.for('nodejs.util.promisify.custom')]: (fd: number, octets: Buffer[]) =>
          new Promise((resolve, reject) => {
            played.writev(fd, octets, (error, bytesWritten) =>
              error ? reject(error) : resolve({ bytesWritten }),
            )
          }),
      },
    ),
    fsync(fd: number, done: Done) {
      if (disk.failing === (isDirectory(fd) ? 'directory fsync' : 'fsync'))
        return void setImmediate(done, eio('fsync'))
      real.fsync(fd, done)
    },
    renameSync(from: string, to: string) {
      if (disk.failing === 'rename') throw eio('rename')
      real.renameSync(from, to)
    },
  }
  return { ...played, default: played }
})

let dataDir: string
let spool: Spool
let descriptors: number

beforeEach(() => {
  dataDir = scratch()
  spool = new Spool(dataDir)
  descriptors = openDescriptors()
})
afterEach(() => {
  disk.failing = ''
  disk.partial = false
  spool.close()
})

const small = Buffer.alloc(1000, 'x')
const large = Buffer.alloc(300_000, 'x')

async function commit(message: Buffer): Promise<string> {
  const draft = spool.receive(64 * 1024)
  for (let at = 0; at < message.length; at += 10_000) draft.write(message.subarray(at, at + 10_000))
  const rest = restOfRecord()
  await draft.commit(rest, () => true)
  return rest.id
}

const steps = [
  // the step that fails, why, the message
  ['open', 'no file can be made', small],
  ['open', 'nor while the message arrives', large],
  ['early write', 'the disk fails while the message arrives', large],
  ['write', 'or when it is committed', small],
  ['write', 'or at its record', large],
  ['fsync', 'written, but not on disk', small],
  ['fsync', 'the same', large],
  ['rename', 'on disk, but not in the queue', small],
  ['rename', 'the same', large],
  ['directory fsync', 'in the queue, but a power cut may take it out', small],
  ['directory fsync', 'the same', large],
] as const

test.for(steps)('a failing %s is a failing commit: %s', async ([step, , message]) => {
  disk.failing = step
  await expect(commit(message)).rejects.toThrow('EIO')
  expect([...filesOf(dataDir, 'queue'), ...filesOf(dataDir, 'incoming')]).toEqual([])
  expect(openDescriptors()).toBe(descriptors)

  disk.failing = ''
  const id = await commit(message)
  expect(filesOf(dataDir, 'queue')).toEqual([id])
  expect(Buffer.compare(await messageIn(spool, id), message)).toBe(0)
})

test('one failed fsync of the directory fails all that waited for it, and none after', async () => {
  disk.failing = 'directory fsync'
  const outcomes = await Promise.allSettled(Array.from({ length: 8 }, () => commit(small)))
  expect(outcomes.map(({ status }) => status)).toEqual(Array(8).fill('rejected'))
  expect(filesOf(dataDir, 'queue')).toEqual([])
  disk.failing = ''
  await commit(small)
  expect(filesOf(dataDir, 'queue')).toHaveLength(1)
})

test('a disk that takes half of every write still gets the whole message', async () => {
  disk.partial = true
  for (const message of [small, large]) {
    const id = await commit(message)
    expect(Buffer.compare(await messageIn(spool, id), message)).toBe(0)
  }
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
