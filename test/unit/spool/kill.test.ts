/** kill -9 at any moment: what was promised is there, whole; what was not is no entry or a whole one. */
import { type ChildProcess, spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { expect, test } from 'vitest'
import { seeded } from '../../support/seeded.ts'
import { filesOf, messageIn, Spool, scratch } from './support.ts'

const fixture = join(import.meta.dirname, '../../fixtures/spool-writer.ts')
const kills = 30

/** Runs the writer, kills it after so many promises and so many turns, and answers what it promised. */
async function promisedBefore(dataDir: string, seed: number): Promise<Map<string, string>> {
  const random = seeded(seed)
  const [promises, turns] = [Math.floor(random() * 40), Math.floor(random() * 30)]
  const child: ChildProcess = spawn(process.execPath, [fixture, dataDir, String(seed)], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  const exited = once(child, 'exit')
  const promised = new Map<string, string>()
  if (child.stdout === null) throw new Error('no pipe')
  for await (const line of createInterface(child.stdout)) {
    const [id, sum] = line.split(' ')
    if (id === undefined || sum?.length !== 64) continue
    promised.set(id, sum)
    if (promised.size !== promises + 1) continue
    for (let turn = 0; turn < turns; turn += 1) await new Promise(setImmediate)
    child.kill('SIGKILL')
  }
  await exited
  return promised
}

test(`${kills} kills of a process that commits lose no promised message and leave no half one`, async () => {
  let promised = 0
  let halves = 0
  for (let seed = 1; seed <= kills; seed += 1) {
    const dataDir = scratch()
    const told = await promisedBefore(dataDir, seed)
    const spool = new Spool(dataDir)
    expect(await spool.recover(() => true)).toBe(0)
    expect(filesOf(dataDir, 'journal')).toEqual([])
    const entries = await Array.fromAsync(spool.ids())
    for (const [id, sum] of told) {
      const message = await messageIn(spool, id)
      expect(createHash('sha256').update(message).digest('hex')).toBe(sum)
    }
    // Entries whose promise was on its way: nobody was told, but each is whole.
    for (const id of entries) if (!told.has(id)) await messageIn(spool, id)
    halves += await spool.removeHalfWritten()
    expect(filesOf(dataDir, 'incoming')).toEqual([])
    expect((await Array.fromAsync(spool.ids())).sort()).toEqual(entries.sort())
    promised += told.size
    spool.close()
  }
  // The kills did come in the middle of the work.
  expect(promised).toBeGreaterThan(kills)
  expect(halves).toBeGreaterThan(0)
})
