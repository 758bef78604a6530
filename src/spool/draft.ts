/**
 * A message on its way to the spool. Small ones wait in memory for `commit`; larger ones go to
 * `incoming/` as they arrive, so memory does not grow with their size. Until `commit` resolves
 * nothing is promised; when it resolves the entry is on disk (D§2.1): a small one in the journal, others
 * in their file, fsynced with its directory. When it rejects there is no entry.
 */
import { createHash } from 'node:crypto'
import { open } from 'node:fs/promises'
import type { Pieces } from '../mail/captured.ts'
import type { DirectorySync } from './directory-sync.ts'
import { type Disk, nodeDisk, writeAll, writeAllSync } from './disk.ts'
import { type Journal, mostJournaled } from './journal.ts'
import { encodeRecord, type SpoolRecord } from './record.ts'
import type { Spares } from './spares.ts'

/** Unwritten octets above which the sender is made to wait. */
const highWater = 1024 * 1024

const readLength = 256 * 1024

/**
 * Pieces below this are gathered: a client that sends octet by octet, or lines of nothing but dots,
 * would else make the process hold three hundred octets for each of its own.
 */
const smallPiece = 512
const gatherBytes = 4096

export type DraftPlaces = {
  /** The file that grows, in `incoming/`; there when it is first needed. */
  readonly file: string
  readonly spares: Pick<Spares, 'take'>
  /** Where the finished entry is renamed to, and that directory's fsync. */
  readonly queue: string
  readonly queueSync: DirectorySync
  /** What makes small entries durable; without it their files are fsynced, too. */
  readonly journal: Pick<Journal, 'keep'> | undefined
  /** Octets up to which a message waits in memory. */
  readonly memoryBytes: number
}

export class Draft {
  readonly #places: DraftPlaces
  readonly #disk: Disk
  readonly #hash = createHash('sha256')
  #pending: Buffer[] = []
  /** Small pieces, of which `#gathered` octets are not in `#pending` yet. */
  #gather: Buffer = Buffer.alloc(0)
  #gathered = 0
  #pendingBytes = 0
  #size = 0
  #descriptor: number | undefined
  #writing: Promise<void> | undefined
  #failure: unknown

  constructor(places: DraftPlaces, disk: Disk = nodeDisk) {
    this.#places = places
    this.#disk = disk
  }

  /** Octets taken so far. */
  get size(): number {
    return this.#size
  }

  /** Octets of it in memory. */
  get held(): number {
    return this.#pendingBytes
  }

  /** Whether so much waits for the disk that the sender should be paused until `drained`. */
  get congested(): boolean {
    return this.#descriptor !== undefined && this.#pendingBytes > highWater
  }

  /** Takes the next octets; the caller must not change them afterwards. Failures show in `commit`. */
  write(octets: Buffer): void {
    if (this.#failure !== undefined) return
    if (octets.length < smallPiece) this.#putSmall(octets)
    else {
      this.#flush()
      this.#put(octets)
    }
    this.#pendingBytes += octets.length
    this.#size += octets.length
    if (this.#pendingBytes > this.#places.memoryBytes && this.#writing === undefined) {
      this.#writing = this.#drain()
    }
  }

  /** Resolves when what was taken so far is written, or has failed. */
  async drained(): Promise<void> {
    await this.#writing
  }

  /**
   * What was taken so far, from its start each time, for the checks that come before `commit`; several
   * may read at once. Nothing may be written meanwhile. Reading rejects when the draft failed or was discarded.
   */
  read(): Pieces {
    const isWhole = this.#writing === undefined && this.#pendingBytes === this.#size
    if (!isWhole || this.#failure !== undefined) return this.#readBoth()
    this.#flush()
    // A copy: `commit` adds the record.
    return [...this.#pending]
  }

  async *#readBoth(): AsyncGenerator<Buffer> {
    await this.#writing
    if (this.#failure !== undefined) throw this.#failure
    this.#flush()
    const inMemory = [...this.#pending]
    const inFile = this.#size - this.#pendingBytes
    if (inFile > 0) {
      // A descriptor of its own: the draft's may be closed, and its number given to another message.
      const file = await open(this.#places.file, 'r')
      try {
        for (let position = 0; position < inFile; ) {
          const octets = Buffer.allocUnsafe(Math.min(readLength, inFile - position))
          const { bytesRead } = await file.read(octets, 0, octets.length, position)
          if (bytesRead === 0) throw new Error(`${this.#places.file} ended early`)
          position += bytesRead
          yield octets.subarray(0, bytesRead)
        }
      } finally {
        await file.close()
      }
    }
    yield* inMemory
  }

  /**
   * Makes the entry. `stillWanted` is asked last, right before the entry becomes visible: when the
   * client is gone by then, nothing is kept and the answer is false (it was never told 250).
   */
  async commit(
    rest: Omit<SpoolRecord, 'size' | 'sha256'>,
    stillWanted: () => boolean,
  ): Promise<boolean> {
    const target = `${this.#places.queue}/${rest.id}`
    let leaveJournal: (() => void) | undefined
    try {
      await this.#writing
      if (this.#failure !== undefined) throw this.#failure
      this.#flush()
      const sha256 = this.#hash.digest('hex')
      this.#pending.push(encodeRecord({ ...rest, size: this.#size, sha256 }))
      const descriptor = this.#open()
      writeAllSync(this.#disk, descriptor, this.#pending)
      leaveJournal = await this.#journal(rest.id)
      this.#pending = []
      if (leaveJournal === undefined) await this.#disk.fsync(descriptor)
      if (!stillWanted()) {
        this.discard()
        return false
      }
      this.#disk.renameSync(this.#places.file, target)
    } catch (error) {
      this.discard()
      throw error
    } finally {
      leaveJournal?.()
    }
    this.#close()
    if (leaveJournal !== undefined) return true
    try {
      await this.#places.queueSync.sync()
    } catch (error) {
      // Visible, but perhaps not on disk: the sender will be told to come back, so it must go.
      this.#remove(target)
      throw error
    }
    return true
  }

  /** Of an entry that is whole in memory. */
  async #journal(id: string): Promise<(() => void) | undefined> {
    const isWhole = this.#pendingBytes === this.#size
    if (!isWhole || this.#size > mostJournaled) return undefined
    return this.#places.journal?.keep(id, this.#pending)
  }

  /** Forgets the message and removes what was written of it. */
  discard(): void {
    this.#failure ??= new Error('the message was discarded')
    this.#pending = []
    this.#gathered = 0
    this.#pendingBytes = 0
    // A write under way still uses the descriptor; it ends first.
    if (this.#writing !== undefined) void this.#writing.then(() => this.#abandon())
    else this.#abandon()
  }

  #put(octets: Buffer): void {
    this.#hash.update(octets)
    this.#pending.push(octets)
  }

  #putSmall(octets: Buffer): void {
    if (this.#gathered + octets.length > this.#gather.length) {
      this.#flush()
      this.#gather = Buffer.allocUnsafe(gatherBytes)
    }
    this.#gathered += octets.copy(this.#gather, this.#gathered)
  }

  #flush(): void {
    if (this.#gathered === 0) return
    this.#put(this.#gather.subarray(0, this.#gathered))
    // What is in `#pending` must not change any more.
    this.#gather = this.#gather.subarray(this.#gathered)
    this.#gathered = 0
  }

  #abandon(): void {
    if (this.#descriptor === undefined) return
    this.#close()
    this.#remove(this.#places.file)
  }

  /** What a failing disk keeps is nothing promised; the next start removes it from `incoming/`. */
  #remove(path: string): void {
    try {
      this.#disk.rmSync(path)
    } catch {
      // The failure that made it go is the one to tell of.
    }
  }

  /** Synchronous, as the other steps that only touch the page cache: a third of the CPU of a thread's. */
  #open(): number {
    const { file, spares } = this.#places
    this.#descriptor ??= spares.take(file) ?? this.#disk.createSync(file)
    return this.#descriptor
  }

  #close(): void {
    const descriptor = this.#descriptor
    this.#descriptor = undefined
    try {
      if (descriptor !== undefined) this.#disk.closeSync(descriptor)
    } catch {
      // Linux has let go of it (close(2)), and what counts was fsynced before.
    }
  }

  async #drain(): Promise<void> {
    try {
      const descriptor = this.#open()
      while (this.#pendingBytes > 0 && this.#failure === undefined) {
        this.#flush()
        const octets = this.#pending
        const length = this.#pendingBytes
        this.#pending = []
        await writeAll(this.#disk, descriptor, octets)
        this.#pendingBytes -= length
      }
    } catch (error) {
      this.#failure ??= error
    }
    this.#writing = undefined
  }
}
