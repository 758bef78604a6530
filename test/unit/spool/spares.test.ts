/** Files are used again, and hold nothing of the message before. src/spool/spares.ts */
import { readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { keep, messageIn, Spool, scratch } from './support.ts'

const long = Buffer.alloc(40_000, 'a secret\r\n')
const short = Buffer.from('short\r\n')

const pathOf = (dataDir: string, ...names: string[]): string => join(dataDir, 'spool', ...names)

test('the file of a removed entry is empty soon, and the next message’s', async () => {
  const dataDir = scratch()
  const spool = new Spool(dataDir)
  const first = await keep(spool, long)
  const { ino } = statSync(pathOf(dataDir, 'queue', first))
  await spool.remove(first)
  expect(await spool.read(first)).toBeUndefined()
  await spool.emptied()
  expect(readdirSync(pathOf(dataDir, 'done'))).toEqual([])
  expect(statSync(pathOf(dataDir, 'spare', first))).toMatchObject({ ino, size: 0 })
  const second = await keep(spool, short)
  expect(statSync(pathOf(dataDir, 'queue', second)).ino).toBe(ino)
  expect(readFileSync(pathOf(dataDir, 'queue', second), 'latin1')).not.toContain('secret')
  expect(await messageIn(spool, second)).toEqual(short)
  spool.close()
})

test('removed twice is removed', async () => {
  const spool = new Spool(scratch())
  const id = await keep(spool, short)
  await spool.remove(id)
  await spool.remove(id)
  await spool.emptied()
  await spool.remove(id)
  spool.close()
})

test('two processes that take from the same files never have one of them both', async () => {
  const dataDir = scratch()
  const [one, other] = [new Spool(dataDir), new Spool(dataDir)]
  const before = await Promise.all(Array.from({ length: 20 }, () => keep(one, long)))
  for (const id of before) await one.remove(id)
  await one.emptied()
  const kept = new Map<string, Buffer>()
  for (let index = 0; index < 20; index += 1) {
    for (const spool of [one, other]) {
      const message = Buffer.from(`${index} of ${spool === one ? 'one' : 'the other'}\r\n`)
      kept.set(await keep(spool, message), message)
    }
  }
  for (const [id, message] of kept) expect(await messageIn(one, id)).toEqual(message)
  one.close()
  other.close()
})

test('no more than some hundreds are kept', async () => {
  const dataDir = scratch()
  const spool = new Spool(dataDir)
  for (let index = 0; index < 510; index += 1)
    writeFileSync(pathOf(dataDir, 'spare', `s${index}`), '')
  for (let index = 0; index < 5; index += 1) {
    writeFileSync(pathOf(dataDir, 'done', `d${index}`), long)
  }
  await spool.emptied()
  expect(readdirSync(pathOf(dataDir, 'done'))).toEqual([])
  expect(readdirSync(pathOf(dataDir, 'spare'))).toHaveLength(512)
  spool.close()
})

test('a stop deletes what was not emptied, and a start what a kill has left', async () => {
  const dataDir = scratch()
  const stopped = new Spool(dataDir)
  await stopped.remove(await keep(stopped, long))
  stopped.close()
  expect(readdirSync(pathOf(dataDir, 'done'))).toEqual([])
  const killed = new Spool(dataDir)
  await killed.remove(await keep(killed, long))
  writeFileSync(pathOf(dataDir, 'spare', 'not-fsynced'), long)
  await new Spool(dataDir).removeHalfWritten()
  for (const place of ['done', 'spare']) expect(readdirSync(pathOf(dataDir, place))).toEqual([])
  // Its timer has nothing to do any more.
  await killed.emptied()
  killed.close()
})
