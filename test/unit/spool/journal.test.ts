/**
 * The journal: one fsync for all that wait, emptied soon, and after a power cut all that it holds is in the
 * queue. What each failure and each power cut does to it is in faults.test.ts.
 */
import { readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import fc from 'fast-check'
import { afterEach, describe, expect, test, vi } from 'vitest'
import { type Disk, nodeDisk } from '../../../src/spool/disk.ts'
import { mostJournaled } from '../../../src/spool/journal.ts'
import { noProgress } from '../../../src/spool/progress.ts'
import { inMemory } from '../../support/temporary.ts'
import {
  bootAgain,
  filesOf,
  keep,
  messageIn,
  openDescriptors,
  restOfRecord,
  Spool,
  scratch,
} from './support.ts'

const opened: Spool[] = []
afterEach(() => {
  vi.useRealTimers()
  for (const each of opened.splice(0)) each.close()
})

function open(dataDir: string, disk?: Disk): Spool {
  const spool = new Spool(dataDir, disk)
  opened.push(spool)
  return spool
}

function journaled(
  dataDir: string,
  disk?: Disk,
  failed = (error: unknown): void => {
    throw error
  },
) {
  const spool = open(dataDir, disk)
  spool.openJournal(failed)
  return spool
}

const text = (count: number): Buffer =>
  Buffer.from(`Subject: ${count}\r\n\r\n${'x'.repeat(count)}\r\n`)
const journals = (dataDir: string): string[] =>
  filesOf(dataDir, 'journal').map((name) => join(dataDir, 'spool', 'journal', name))
const journaledOctets = (dataDir: string): number =>
  journals(dataDir).reduce((sum, path) => sum + statSync(path).size, 0)

/** The disk as a power cut may leave it: of the queue nothing, of the journal what was fsynced. */
function cutPower(dataDir: string): void {
  for (const name of filesOf(dataDir, 'queue')) rmSync(join(dataDir, 'spool', 'queue', name))
  bootAgain(dataDir)
}

/** A run that ends as by kill -9: nothing of it is settled or closed. */
async function killed(dataDir: string, messages: readonly Buffer[]): Promise<string[]> {
  const spool = new Spool(dataDir)
  spool.openJournal(() => {})
  const ids: string[] = []
  for (const message of messages) ids.push(await keep(spool, message))
  return ids
}

function counting() {
  const counts = { file: 0 }
  const disk: Disk = {
    ...nodeDisk,
    fsync(descriptor) {
      counts.file += 1
      return nodeDisk.fsync(descriptor)
    },
  }
  return { disk, counts }
}

describe('taking mail', () => {
  test('sixteen messages at once are fsynced two times, not thirty-two', async () => {
    const { disk, counts } = counting()
    const spool = journaled(scratch(), disk)
    await Promise.all(Array.from({ length: 16 }, (_, count) => keep(spool, text(count))))
    expect(counts.file).toBe(2)
  })

  test('a message that is large is fsynced by itself, and not written twice', async () => {
    const dataDir = scratch()
    const spool = journaled(dataDir)
    await keep(spool, text(mostJournaled + 1))
    expect(journaledOctets(dataDir)).toBe(0)
    await keep(spool, text(mostJournaled / 2))
    expect(journaledOctets(dataDir)).toBeGreaterThan(mostJournaled / 2)
  })

  test('the journal can be read by its owner only', async () => {
    const dataDir = scratch()
    journaled(dataDir)
    expect(journals(dataDir).map((path) => statSync(path).mode & 0o777)).toEqual([0o600, 0o600])
  })

  test.for([
    ['writevSync', 'it can not be written'],
    ['fsync', 'it can not be fsynced'],
  ] as const)(
    'when %s fails on it, messages are taken and fsynced by themselves: %s',
    async ([operation]) => {
      const dataDir = scratch()
      const ofJournal = new Set<number>()
      let fails = false
      const refuse = (descriptor: number): void => {
        if (fails && ofJournal.has(descriptor))
          throw Object.assign(new Error('played'), { code: 'EIO' })
      }
      const disk: Disk = {
        ...nodeDisk,
        openAppendedSync(path) {
          const descriptor = nodeDisk.openAppendedSync(path)
          ofJournal.add(descriptor)
          return descriptor
        },
        closeSync(descriptor) {
          ofJournal.delete(descriptor)
          nodeDisk.closeSync(descriptor)
        },
        ...(operation === 'fsync' && {
          async fsync(descriptor) {
            refuse(descriptor)
            await nodeDisk.fsync(descriptor)
          },
        }),
        ...(operation === 'writevSync' && {
          writevSync(descriptor, octets) {
            refuse(descriptor)
            return nodeDisk.writevSync(descriptor, octets)
          },
        }),
      }
      const spool = journaled(dataDir, disk)
      const before = await keep(spool, text(1))
      fails = true
      const meanwhile = await keep(spool, text(2))
      fails = false
      await spool.settle()
      const after = await keep(spool, text(3))
      expect(journaledOctets(dataDir)).toBeGreaterThan(0)
      for (const [count, id] of [before, meanwhile, after].entries())
        expect(await messageIn(spool, id)).toEqual(text(count + 1))
    },
  )
})

describe('emptying it', () => {
  test('nothing of a message is in it five seconds later', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const dataDir = scratch()
    const spool = journaled(dataDir)
    await keep(spool, text(100))
    expect(journaledOctets(dataDir)).toBeGreaterThan(0)
    vi.advanceTimersByTime(5000)
    while (journaledOctets(dataDir) > 0) await new Promise(setImmediate)
    await spool.settle()
  })

  test('only what is still in the queue is fsynced', async () => {
    const { disk, counts } = counting()
    const spool = journaled(scratch(), disk)
    const ids = [await keep(spool, text(1)), await keep(spool, text(2)), await keep(spool, text(3))]
    await spool.remove(ids[0] ?? '')
    await spool.emptied()
    counts.file = 0
    await spool.settle()
    // Two files, the directory, and the journal, empty.
    expect(counts.file).toBe(4)
  })

  test('of many that are still in the queue four are fsynced at a time', async () => {
    let underWay = 0
    let most = 0
    const disk: Disk = {
      ...nodeDisk,
      async fsync(descriptor) {
        underWay += 1
        most = Math.max(most, underWay)
        await nodeDisk.fsync(descriptor).finally(() => (underWay -= 1))
      },
    }
    const spool = journaled(scratch(), disk)
    const ids = await Promise.all(
      Array.from({ length: 200 }, (_, count) => keep(spool, text(count))),
    )
    most = 0
    await spool.settle()
    // The threads of libuv, which are those of others, too.
    expect(most).toBe(4)
    for (const [count, id] of ids.entries()) expect(await messageIn(spool, id)).toEqual(text(count))
  })

  test('one that fails is told, tried again, and keeps what it has', async () => {
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] })
    const dataDir = scratch()
    let fails = false
    const disk: Disk = {
      ...nodeDisk,
      openSync(path) {
        if (fails) throw Object.assign(new Error('played'), { code: 'EIO' })
        return nodeDisk.openSync(path)
      },
    }
    const told = Promise.withResolvers<unknown>()
    const spool = journaled(dataDir, disk, told.resolve)
    await keep(spool, text(100))
    fails = true
    vi.advanceTimersByTime(5000)
    expect(await told.promise).toMatchObject({ code: 'EIO' })
    expect(journaledOctets(dataDir)).toBeGreaterThan(0)
    // Others are taken meanwhile.
    await keep(spool, text(100))
    fails = false
    vi.advanceTimersByTime(30_000)
    while (journaledOctets(dataDir) > 0) await new Promise(setImmediate)
    await spool.settle()
  })

  test('a journal that is empty leaves no file when it is closed, and one that is not, does', async () => {
    const dataDir = scratch()
    const before = openDescriptors()
    for (const settles of [true, false]) {
      const spool = new Spool(dataDir)
      spool.openJournal(() => {})
      await keep(spool, text(1))
      if (settles) await spool.settle()
      spool.close()
      expect(filesOf(dataDir, 'journal').length).toBe(settles ? 0 : 1)
    }
    expect(openDescriptors()).toBe(before)
  })
})

describe('after a power cut', () => {
  test('all that was promised is in the queue, and the journals are gone', async () => {
    const dataDir = scratch()
    const messages = [0, 1, 100, 10_000, mostJournaled - 100].map(text)
    const ids = await killed(dataDir, messages)
    cutPower(dataDir)
    const spool = open(dataDir)
    expect(await spool.recover(() => true)).toBe(ids.length)
    for (const [index, id] of ids.entries())
      expect(await messageIn(spool, id)).toEqual(messages[index])
    expect(filesOf(dataDir, 'journal')).toEqual([])
    expect(filesOf(dataDir, 'incoming')).toEqual([])
    expect(await spool.recover(() => true)).toBe(0)
  })

  test('what is left of an entry in the queue is replaced by the whole one', async () => {
    const dataDir = scratch()
    const [half = '', other = '', whole = ''] = await killed(dataDir, [text(1), text(2), text(3)])
    const at = (id: string): string => join(dataDir, 'spool', 'queue', id)
    const wasThere = readFileSync(at(whole))
    cutPower(dataDir)
    writeFileSync(at(half), 'Subject: 1')
    // A file that was used again, with what was in it before.
    writeFileSync(at(other), wasThere)
    writeFileSync(at(whole), wasThere)
    const { ino } = statSync(at(whole))
    const spool = open(dataDir)
    expect(await spool.recover(() => true)).toBe(2)
    expect(await messageIn(spool, half)).toEqual(text(1))
    expect(await messageIn(spool, other)).toEqual(text(2))
    expect(statSync(at(whole)).ino).toBe(ino)
  })

  test('a message that was given up stays given up', async () => {
    const dataDir = scratch()
    const [id = ''] = await killed(dataDir, [text(1)])
    await open(dataDir).bury(id, noProgress)
    cutPower(dataDir)
    const spool = open(dataDir)
    expect(await spool.recover(() => true)).toBe(0)
    expect(filesOf(dataDir, 'queue')).toEqual([])
    expect(await spool.deadIds()).toEqual([id])
  })

  test('from a journal cut off anywhere, or with anything behind it, come the entries that are whole', async () => {
    const full = scratch()
    const messages = [text(10), text(300), text(20)]
    const ids = await killed(full, messages)
    cutPower(full)
    const path = journals(full).find((each) => statSync(each).size > 0) ?? ''
    const octets = readFileSync(path)
    const starts: number[] = []
    for (let at = octets.indexOf('PSTJNL'); at >= 0; at = octets.indexOf('PSTJNL', at + 1))
      starts.push(at)
    const wholes = [...starts.slice(1), octets.length]
    await fc.assert(
      fc.asyncProperty(
        fc.nat({ max: octets.length }),
        fc.uint8Array({ maxLength: 40 }),
        async (cut, behind) => {
          const dataDir = scratch(inMemory)
          const spool = open(dataDir)
          const file = join(dataDir, 'spool', 'journal', 'an-earlier-boot.7.a')
          writeFileSync(file, Buffer.concat([octets.subarray(0, cut), behind]))
          const whole = wholes.filter((end) => end <= cut).length
          const isSame = Buffer.from(behind).equals(octets.subarray(cut, cut + behind.length))
          fc.pre(!isSame || behind.length === 0)
          expect(await spool.recover(() => true)).toBe(whole)
          for (const [index, id] of ids.slice(0, whole).entries())
            expect(await messageIn(spool, id)).toEqual(messages[index])
        },
      ),
      { numRuns: 60 },
    )
  })

  test('a damaged entry ends it: what is behind was promised by nobody', async () => {
    const dataDir = scratch()
    await killed(dataDir, [text(1), text(2), text(3)])
    cutPower(dataDir)
    const path = journals(dataDir).find((each) => statSync(each).size > 0) ?? ''
    const octets = readFileSync(path)
    const second = octets.indexOf('Subject: 2')
    octets[second] = 0
    writeFileSync(path, octets)
    expect(await open(dataDir).recover(() => true)).toBe(1)
  })

  test('files that are no journal are left alone', async () => {
    const dataDir = scratch()
    const spool = open(dataDir)
    for (const name of ['notes', 'x.1.c', '..1.a'])
      writeFileSync(join(dataDir, 'spool', 'journal', name), 'PSTJNL')
    expect(await spool.recover(() => true)).toBe(0)
    expect(filesOf(dataDir, 'journal').length).toBe(3)
  })

  test('a disk that can not take an entry loses none: the journal stays', async () => {
    const dataDir = scratch()
    const ids = await killed(dataDir, [text(1), text(2)])
    cutPower(dataDir)
    const full: Disk = {
      ...nodeDisk,
      writevSync() {
        throw Object.assign(new Error('played'), { code: 'ENOSPC' })
      },
    }
    await expect(open(dataDir, full).recover(() => true)).rejects.toMatchObject({ code: 'ENOSPC' })
    expect(await open(dataDir).recover(() => true)).toBe(2)
    expect(filesOf(dataDir, 'queue')).toEqual(ids.sort())
  })
})

describe('after a process was killed', () => {
  test('what was delivered is not put back, what was not is fsynced', async () => {
    const dataDir = scratch()
    const [delivered = '', waits = ''] = await killed(dataDir, [text(1), text(2)])
    const worker = open(dataDir)
    await worker.remove(delivered)
    await worker.emptied()
    const { disk, counts } = counting()
    const spool = open(dataDir, disk)
    expect(await spool.recover(() => true)).toBe(0)
    expect(counts.file).toBe(3)
    expect(filesOf(dataDir, 'queue')).toEqual([waits])
    expect(filesOf(dataDir, 'journal')).toEqual([])
  })

  test('journals of processes that still run are not touched', async () => {
    const dataDir = scratch()
    await killed(dataDir, [text(1)])
    const spool = open(dataDir)
    await spool.recover((pid) => pid !== process.pid)
    expect(filesOf(dataDir, 'journal').length).toBe(2)
    await spool.recover((pid) => pid === process.pid)
    expect(filesOf(dataDir, 'journal')).toEqual([])
  })
})

test('what was not wanted any more is not in the queue, and the journal does not wait for it', async () => {
  const dataDir = scratch()
  const spool = journaled(dataDir)
  const draft = spool.receive(64 * 1024)
  draft.write(text(1))
  expect(await draft.commit(restOfRecord(), () => false)).toBe(false)
  await spool.settle()
  expect(filesOf(dataDir, 'queue')).toEqual([])
  expect(journaledOctets(dataDir)).toBe(0)
  expect(readdirSync(join(dataDir, 'spool', 'incoming'))).toEqual([])
})
