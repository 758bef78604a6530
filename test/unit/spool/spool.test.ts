/** The spool's directories: what is in which, and what survives a move, a loss or a strange name. */
import { existsSync, readdirSync, statSync, truncateSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { newMessageId } from '../../../src/mail/message-id.ts'
import { CorruptEntryError } from '../../../src/spool/entry.ts'
import { noProgress, type Progress, type StepFailure } from '../../../src/spool/progress.ts'
import { filesOf, keep, messageIn, Spool, scratch } from './support.ts'

let dataDir: string
let spool: Spool

beforeEach(() => {
  dataDir = scratch()
  spool = new Spool(dataDir)
})
afterEach(() => spool.close())

const message = Buffer.from('Subject: x\r\n\r\nbody\r\n')
const failed: StepFailure = {
  attempts: 80,
  since: '2026-03-01T09:15:27.000Z',
  time: '2026-03-02T09:15:27.000Z',
  reason: 'the store is away',
}
const ids = (): Promise<string[]> => Array.fromAsync(spool.ids())

test('directories are for the owner alone', () => {
  for (const each of ['incoming', 'queue', 'progress', 'corrupt']) {
    expect(statSync(join(dataDir, 'spool', each)).mode & 0o777).toBe(0o700)
  }
  expect(statSync(join(dataDir, 'dead')).mode & 0o777).toBe(0o700)
})

test('only message ids are entries: other files are neither listed nor touched', async () => {
  const id = await keep(spool, message)
  for (const name of ['README', '.swp', `${id}.bak`, id.toUpperCase()]) {
    writeFileSync(join(dataDir, 'spool/queue', name), 'x')
    writeFileSync(join(dataDir, 'dead', name), 'x')
  }
  expect(await ids()).toEqual([id])
  expect(await spool.deadIds()).toEqual([])
})

test('an entry that is done leaves nothing behind', async () => {
  const id = await keep(spool, message)
  await spool.writeProgress(id, { ...noProgress, done: [0] })
  await spool.remove(id)
  expect([...filesOf(dataDir, 'queue'), ...filesOf(dataDir, 'progress')]).toEqual([])
  expect(await spool.read(id)).toBeUndefined()
  expect(await spool.size(id)).toBeUndefined()
  await spool.remove(id)
})

describe('incoming/', () => {
  const files = ['12.1', '12.2', '120.1', '13.1']

  beforeEach(() => {
    for (const name of files) writeFileSync(join(dataDir, 'spool/incoming', name), 'half')
  })

  test('holds no entries', async () => {
    expect(await ids()).toEqual([])
  })

  test('is emptied of what one dead process left, and of no other', async () => {
    expect(await spool.removeHalfWritten(12)).toBe(2)
    expect(filesOf(dataDir, 'incoming')).toEqual(['120.1', '13.1'])
  })

  test('is emptied whole when everybody is dead', async () => {
    expect(await spool.removeHalfWritten()).toBe(4)
    expect(filesOf(dataDir, 'incoming')).toEqual([])
  })
})

describe('progress', () => {
  const progress: Progress = { done: [0, 2], failures: { 1: failed }, ends: { 2: 'STOP_RULE' } }

  test('is read as it was written', async () => {
    const id = await keep(spool, message)
    await spool.writeProgress(id, progress)
    expect(await spool.progress(id)).toEqual(progress)
    expect(filesOf(dataDir, 'progress')).toEqual([`${id}.json`])
  })

  test('that is lost is none', async () => {
    expect(await spool.progress(newMessageId(0))).toEqual(noProgress)
  })

  test('cut anywhere by a power failure is none', async () => {
    const id = await keep(spool, message)
    await spool.writeProgress(id, progress)
    const path = join(dataDir, 'spool/progress', `${id}.json`)
    for (let length = statSync(path).size - 1; length >= 0; length -= 1) {
      truncateSync(path, length)
      expect(await spool.progress(id)).toEqual(noProgress)
    }
  })

  test('of zeros, as some file systems leave it, is none', async () => {
    const id = await keep(spool, message)
    writeFileSync(join(dataDir, 'spool/progress', `${id}.json`), Buffer.alloc(60))
    expect(await spool.progress(id)).toEqual(noProgress)
  })
})

describe('dead letters', () => {
  test('come back with their done actions and without their attempts', async () => {
    const id = await keep(spool, message)
    await spool.bury(id, { ...noProgress, done: [0], failures: { 1: failed } })
    expect(await ids()).toEqual([])
    expect(await spool.deadIds()).toEqual([id])
    expect(filesOf(dataDir, 'progress')).toEqual([])
    expect(await spool.progress(id, 'dead')).toEqual({
      ...noProgress,
      done: [0],
      failures: { 1: failed },
    })

    expect(await spool.unbury(id)).toBe(true)
    expect(await spool.deadIds()).toEqual([])
    expect(await ids()).toEqual([id])
    expect(await spool.progress(id)).toEqual({ ...noProgress, done: [0] })
    expect(await messageIn(spool, id)).toEqual(message)
    expect(readdirSync(join(dataDir, 'dead'))).toEqual([])
  })

  test('are listed in the order they were received', async () => {
    const received = [newMessageId(3000), newMessageId(1000), newMessageId(2000)]
    for (const id of received) {
      writeFileSync(join(dataDir, 'spool/queue', id), 'x')
      await spool.bury(id, noProgress)
    }
    expect(await spool.deadIds()).toEqual([received[1], received[2], received[0]])
  })

  test('that are none cannot be brought back, and a waiting entry loses nothing by the attempt', async () => {
    expect(await spool.unbury(newMessageId(0))).toBe(false)
    const id = await keep(spool, message)
    const progress = { ...noProgress, done: [0], failures: { 1: failed } }
    await spool.writeProgress(id, progress)
    expect(await spool.unbury(id)).toBe(false)
    expect(await spool.progress(id)).toEqual(progress)
  })
})

test('a corrupt entry is moved aside as it is, never deleted', async () => {
  const id = await keep(spool, message)
  const path = join(dataDir, 'spool/queue', id)
  truncateSync(path, 10)
  await expect(spool.read(id)).rejects.toThrow(CorruptEntryError)
  await spool.setAside(id)
  expect(await ids()).toEqual([])
  expect(await spool.corruptIds()).toEqual([id])
  expect(statSync(join(dataDir, 'spool/corrupt', id)).size).toBe(10)
})

const strange = ['', '..', '../dead/x', '/etc/passwd', 'a/b', 'A'.repeat(40), `${'0'.repeat(39)}\0`]

test.for(strange)('the id %j, which is none, leads nowhere', async (id) => {
  writeFileSync(join(dataDir, 'kept'), 'x')
  for (const work of [
    () => spool.read(id),
    () => spool.size(id),
    () => spool.remove(id),
    () => spool.setAside(id),
    () => spool.progress(id),
    () => spool.writeProgress(id, noProgress),
    () => spool.bury(id, noProgress),
    () => spool.unbury(id),
  ]) {
    await expect(work()).rejects.toThrow('is not a message id')
  }
  expect(existsSync(join(dataDir, 'kept'))).toBe(true)
})
