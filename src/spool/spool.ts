/**
 * The spool: what this node has promised to deliver, on its own disk. It is the truth; the queue in
 * Redis is an index made from it (D§2.2). Directories under `dataDir/spool`, all 0700, files 0600:
 *
 *   incoming/  messages that are still arriving: nothing promised, removed after a crash
 *   queue/     entries, each promised by a 250; the name is the message id
 *   journal/   small entries once more, until they are on disk without it
 *   progress/  what has been done of an entry's plan, and what failed; may be lost without harm
 *   corrupt/   entries that can't be read, kept for a person to look at
 *   done/      files of entries that are done, for some hundred milliseconds; then, empty,
 *   spare/     for messages to come
 *
 * and `dataDir/dead`: entries that were given up, each beside its progress.
 */
import { existsSync } from 'node:fs'
import { opendir, readdir, readFile, stat } from 'node:fs/promises'
import { dirname, join, resolve } from 'node:path'
import { errorCode } from '../errors.ts'
import { isMessageId } from '../mail/message-id.ts'
import { type DirectorySync, directorySync } from './directory-sync.ts'
import { type Disk, fsyncFile, nodeDisk } from './disk.ts'
import { Draft } from './draft.ts'
import { CorruptEntryError, openEntry, type SpoolEntry } from './entry.ts'
import { type Journal, openJournal } from './journal.ts'
import { forgiven, hurried, noProgress, type Progress, parseProgress } from './progress.ts'
import { recoverJournals } from './recover.ts'
import { openSpares, removeSpares, type Spares } from './spares.ts'

/** Whether Postern has run there: commands that only look must not make a spool, perhaps as another user. */
export function hasSpool(dataDir: string): boolean {
  return existsSync(join(dataDir, 'spool', 'queue'))
}

export class Spool {
  readonly #disk: Disk
  readonly #directories: Readonly<
    Record<'incoming' | 'queue' | 'journal' | 'progress' | 'corrupt' | 'done' | 'spare', string>
  >
  readonly #dead: string
  readonly #queueSync: DirectorySync
  readonly #deadSync: DirectorySync
  readonly #spares: Spares
  #journal: Journal | undefined
  #drafts = 0

  /** Makes what is missing under `dataDir`. Throws the system's error when that can't be done. */
  constructor(dataDir: string, disk: Disk = nodeDisk) {
    this.#disk = disk
    const at = (name: string): string => join(dataDir, 'spool', name)
    this.#directories = {
      incoming: at('incoming'),
      queue: at('queue'),
      journal: at('journal'),
      progress: at('progress'),
      corrupt: at('corrupt'),
      done: at('done'),
      spare: at('spare'),
    }
    this.#dead = join(dataDir, 'dead')
    for (const each of [...Object.values(this.#directories), this.#dead]) this.#makeDirectory(each)
    this.#queueSync = directorySync(this.#directories.queue, disk)
    this.#deadSync = directorySync(this.#dead, disk)
    this.#spares = openSpares({ ...this.#directories, queueSync: this.#queueSync }, disk)
  }

  /** An entry is no safer than the directories above it: their names are on disk, too. */
  #makeDirectory(path: string): void {
    const first = this.#disk.mkdirSync(path)
    if (first === undefined) return
    for (let made = resolve(path); made.length >= resolve(first).length; made = dirname(made))
      this.#syncNames(dirname(made))
  }

  #syncNames(directory: string): void {
    const descriptor = this.#disk.openDirectorySync(directory)
    try {
      this.#disk.fsyncSync(descriptor)
    } finally {
      this.#disk.closeSync(descriptor)
    }
  }

  /** Begins a message. Up to `memoryBytes` of it wait in memory. */
  receive(memoryBytes: number): Draft {
    this.#drafts += 1
    const places = {
      file: join(this.#directories.incoming, `${process.pid}.${this.#drafts}`),
      queue: this.#directories.queue,
      queueSync: this.#queueSync,
      spares: this.#spares,
      journal: this.#journal,
      memoryBytes,
    }
    return new Draft(places, this.#disk)
  }

  /**
   * Small messages are committed in a journal from now on (journal.ts), for a process that takes many. It has
   * to be closed. `failed` hears when what is in it could not be made durable without it. Throws the system's error.
   */
  openJournal(failed: (error: unknown) => void): void {
    const places = { ...this.#directories, queueSync: this.#queueSync }
    const journal = openJournal(places, this.#disk, failed)
    try {
      this.#syncNames(this.#directories.journal)
    } catch (error) {
      journal.close()
      throw error
    }
    this.#journal = journal
  }

  /** Resolves when all that was committed is on disk without the journal. Rejects when the disk fails. */
  async settle(): Promise<void> {
    await this.#journal?.settle()
  }

  /**
   * Makes durable, or brings back, what is in the journals of processes that are gone; `isGone` is asked of those
   * of this boot. How many entries were brought back. To be called before anything else is done with the queue. Throws
   * the system's error.
   */
  recover(isGone: (pid: number) => boolean): Promise<number> {
    const places = { ...this.#directories, dead: this.#dead, queueSync: this.#queueSync }
    return recoverJournals(places, this.#disk, isGone)
  }

  /**
   * Removes what processes that are gone left half-written: all of `incoming/`, or what the process
   * `pid` left. Only the parent of the SMTP processes may call it: it alone knows who is gone.
   */
  async removeHalfWritten(pid?: number): Promise<number> {
    const names = await readdir(this.#directories.incoming)
    const left = pid === undefined ? names : names.filter((name) => name.startsWith(`${pid}.`))
    for (const name of left) await this.#disk.rm(join(this.#directories.incoming, name))
    if (pid === undefined) await removeSpares(this.#directories, this.#disk)
    return left.length
  }

  /** The ids of all entries, in no order. */
  async *ids(): AsyncGenerator<string> {
    for await (const { name } of await opendir(this.#directories.queue)) {
      if (isMessageId(name)) yield name
    }
  }

  /** The ids of all dead letters, in the order they were received. */
  async deadIds(): Promise<string[]> {
    return (await readdir(this.#dead)).filter(isMessageId).sort()
  }

  /** The ids of entries that have been begun and are not done, in the order they were received. */
  async begunIds(): Promise<string[]> {
    const names = await readdir(this.#directories.progress)
    return names
      .map((name) => name.replace(/\.json$/, ''))
      .filter(isMessageId)
      .sort()
  }

  /** The names of what was moved aside because it could not be read. */
  async corruptIds(): Promise<string[]> {
    return (await readdir(this.#directories.corrupt)).sort()
  }

  /** `undefined` when there is no such entry: it is done. Throws `CorruptEntryError`. */
  async read(id: string, where: 'queue' | 'dead' = 'queue'): Promise<SpoolEntry | undefined> {
    try {
      const entry = await openEntry(this.#entry(id, where))
      if (entry.record.id === id) return entry
      await entry.close()
      // It was done in this moment, and its file emptied and used again (spares.ts).
      if (!existsSync(this.#entry(id, where))) return undefined
      throw new CorruptEntryError(`${this.#entry(id, where)} is another message`)
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** Octets of the entry's file; `undefined` when there is no such entry. */
  async size(id: string, where: 'queue' | 'dead' = 'queue'): Promise<number | undefined> {
    try {
      return (await stat(this.#entry(id, where))).size
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return undefined
      throw error
    }
  }

  /** The entry's plan is done. */
  async remove(id: string): Promise<void> {
    try {
      this.#spares.give(this.#entry(id, 'queue'))
    } catch (error) {
      // What can't be kept for others can still be deleted.
      if (errorCode(error) !== 'ENOENT') this.#disk.rmSync(this.#entry(id, 'queue'))
    }
    const progress = this.#progress(id, 'queue')
    if (existsSync(progress)) await this.#disk.rm(progress)
  }

  /** Moves an entry that can't be read out of the way; a person decides about it. */
  async setAside(id: string): Promise<void> {
    this.#disk.renameSync(this.#entry(id, 'queue'), join(this.#directories.corrupt, id))
  }

  async progress(id: string, where: 'queue' | 'dead' = 'queue'): Promise<Progress> {
    const path = this.#progress(id, where)
    // Nearly always: asked by an exception it would cost 50 µs of CPU instead of 8.
    if (!existsSync(path)) return noProgress
    try {
      return parseProgress(await readFile(path, 'utf8'))
    } catch (error) {
      if (errorCode(error) === 'ENOENT') return noProgress
      throw error
    }
  }

  async writeProgress(id: string, progress: Progress): Promise<void> {
    const path = this.#progress(id, 'queue')
    await this.#disk.writeFile(`${path}.new`, JSON.stringify(progress))
    this.#disk.renameSync(`${path}.new`, path)
  }

  /** Makes the steps of an entry due that wait for their next attempt or were given up. */
  async hurry(id: string): Promise<void> {
    const progress = await this.progress(id)
    if (Object.keys(progress.failures).length > 0) await this.writeProgress(id, hurried(progress))
  }

  /** Gives an entry up: it goes to the dead letters with its progress, which holds the reason. */
  async bury(id: string, progress: Progress): Promise<void> {
    await this.writeProgress(id, progress)
    // The journal knows of the queue only.
    await fsyncFile(this.#disk, this.#entry(id, 'queue'))
    this.#disk.renameSync(this.#progress(id, 'queue'), this.#progress(id, 'dead'))
    try {
      this.#disk.renameSync(this.#entry(id, 'queue'), this.#entry(id, 'dead'))
    } catch (error) {
      // Done by another process meanwhile: there is nothing to give up.
      await this.#disk.rm(this.#progress(id, 'dead'))
      throw error
    }
    await this.#deadSync.sync()
  }

  /** Removes a dead letter for good: a person has decided so. False when there is none. */
  async removeDead(id: string): Promise<boolean> {
    if ((await this.size(id, 'dead')) === undefined) return false
    await this.#disk.rm(this.#entry(id, 'dead'))
    await this.#disk.rm(this.#progress(id, 'dead'))
    return true
  }

  /** Brings a dead letter back, its failures forgotten, its done steps not. False when unknown. */
  async unbury(id: string): Promise<boolean> {
    // Of an entry that waits in the queue, nothing may be forgotten.
    if ((await this.size(id, 'dead')) === undefined) return false
    await this.writeProgress(id, forgiven(await this.progress(id, 'dead')))
    try {
      this.#disk.renameSync(this.#entry(id, 'dead'), this.#entry(id, 'queue'))
    } catch (error) {
      // Another command has just brought it back, with this very progress.
      if (errorCode(error) === 'ENOENT') return false
      throw error
    }
    await this.#queueSync.sync()
    await this.#disk.rm(this.#progress(id, 'dead'))
    return true
  }

  /** Resolves when nothing is left on disk of entries that were removed. */
  async emptied(): Promise<void> {
    await this.#spares.emptied()
  }

  /** Deletes what a worker that was killed had no time to empty. */
  removeLeftovers(): void {
    this.#spares.removeLeftovers()
  }

  /** What is in the journal stays there when it was not settled. */
  close(): void {
    this.#journal?.close()
    this.#spares.close()
    this.#queueSync.close()
    this.#deadSync.close()
  }

  #entry(id: string, where: 'queue' | 'dead'): string {
    return join(where === 'dead' ? this.#dead : this.#directories.queue, checked(id))
  }

  #progress(id: string, where: 'queue' | 'dead'): string {
    return join(where === 'dead' ? this.#dead : this.#directories.progress, `${checked(id)}.json`)
  }
}

/** An id that comes from Redis or a command line must not lead out of the directory. */
function checked(id: string): string {
  if (!isMessageId(id)) throw new Error(`${JSON.stringify(id)} is not a message id`)
  return id
}
