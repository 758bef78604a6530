/**
 * Reading journals that processes left which did not end well. After a kill everything is in the queue and only
 * has to be fsynced; after a power cut a journal may hold the only copy of what was promised. Then each entry of it
 * is put into the queue that is not there, whole: those that had been delivered, too, up to five seconds
 * before. They are delivered once more, and find their own objects.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { errorCode } from '../errors.ts'
import { isMessageId } from '../mail/message-id.ts'
import { type DirectorySync, directorySync } from './directory-sync.ts'
import { type Disk, fsyncFile, writeAllSync } from './disk.ts'
import { CorruptEntryError, entryOf, openEntry, type SpoolEntry } from './entry.ts'
import { entriesIn, parseJournalName } from './journal.ts'

export type RecoverPlaces = {
  readonly journal: string
  readonly incoming: string
  readonly queue: string
  readonly dead: string
  readonly queueSync: DirectorySync
}

/**
 * Empties and removes the journals of processes that are gone, as `isGone` tells of those of this boot. How many entries
 * were put back. Throws the system's error; then what was not recovered is in its journal still.
 */
export async function recoverJournals(
  places: RecoverPlaces,
  disk: Disk,
  isGone: (pid: number) => boolean,
): Promise<number> {
  let restored = 0
  const journals = readdirSync(places.journal).flatMap((name) => {
    const of = parseJournalName(name)
    const isLeft = of !== undefined && (!of.sinceBoot || isGone(of.pid))
    return isLeft ? [{ path: join(places.journal, name), sinceBoot: of.sinceBoot }] : []
  })
  if (journals.length === 0) return 0
  for (const { path, sinceBoot } of journals) {
    for (const octets of entriesIn(readFileSync(path))) {
      const id = await checkedId(() => entryOf(octets, path))
      // What is behind a damaged one was promised to nobody.
      if (id === undefined) break
      const target = join(places.queue, id)
      const isThere =
        sinceBoot || (await isWhole(target, id)) || (await isWhole(join(places.dead, id), id))
      if (isThere) await fsyncFile(disk, target)
      else {
        await restore(octets, join(places.incoming, `${id}.restored`), target, disk)
        restored += 1
      }
    }
  }
  await places.queueSync.sync()
  for (const { path } of journals) disk.rmSync(path)
  // Or the next start would put back what is delivered by then.
  const names = directorySync(places.journal, disk)
  await names.sync().finally(names.close)
  return restored
}

async function isWhole(path: string, id: string): Promise<boolean> {
  return (await checkedId(() => openEntry(path))) === id
}

/** Reads an entry to its end; `undefined` when it is not what was written, or not there. */
async function checkedId(open: () => Promise<SpoolEntry>): Promise<string | undefined> {
  try {
    const entry = await open()
    try {
      for await (const _ of entry.message());
      return isMessageId(entry.record.id) ? entry.record.id : undefined
    } finally {
      await entry.close()
    }
  } catch (error) {
    if (error instanceof CorruptEntryError || errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

async function restore(octets: Buffer, file: string, target: string, disk: Disk): Promise<void> {
  disk.rmSync(file)
  const descriptor = disk.createSync(file)
  try {
    writeAllSync(disk, descriptor, [octets])
    await disk.fsync(descriptor)
  } finally {
    disk.closeSync(descriptor)
  }
  disk.renameSync(file, target)
}
