/**
 * Plays a disk that fails, and one whose power is cut. Works on real files, counts every operation of
 * `Disk`, and knows which octets and names were fsynced: `afterPowerCut` makes the directory that the next
 * boot would find. Promises no more than POSIX does: a name is safe once its directory was fsynced, octets
 * once their file was; what was not may be there or not, in any mixture. A rename is there whole or not at
 * all, as on every journaling file system. Stands for the kernel and the disk; what they do to a process
 * that is killed is tried for real in kill.test.ts.
 */
import { mkdirSync, readFileSync, writeFileSync, writeSync } from 'node:fs'
import { dirname, join, relative } from 'node:path'
import { type Disk, nodeDisk } from '../../../src/spool/disk.ts'
import { inMemory } from '../../support/temporary.ts'
import { scratch } from './support.ts'

/** The k-th operation, counted from 1, fails with `code`; `lasting`: all after it, too. */
export type Fault = {
  readonly at: number
  readonly code: string
  readonly lasting: boolean
}

/** A fault: this operation and all after it are not done. */
export const powerCut = 'power cut'

type Inode = { content: () => Buffer; synced: Buffer }
type Entry = { readonly inode: Inode | 'directory' }
/** One change of names, not to be had in part. */
type Change = { readonly unlink?: string; readonly link?: string; entry?: Entry; synced: boolean }

export type Omitted = 'fsync of a file' | 'fsync of a directory'

/** What becomes of that which was written and not fsynced. */
export type Fate = { readonly name: () => boolean; readonly octets: () => boolean }

export type ModelDisk = {
  readonly disk: Disk
  /** A directory that is there and safe; what is under it is what counts. */
  readonly root: string
  /** The operations so far, by name. */
  readonly done: readonly string[]
  readonly openDescriptors: () => number
  /** Counts from now on; `undefined`: it is mended. */
  readonly fail: (fault: Fault | undefined) => void
  /** An operation that does nothing from now on and says it has: what the code would be without it. */
  readonly omit: (operation: Omitted) => void
  readonly afterPowerCut: (into: string, fate: Fate) => void
}

const pageLength = 4096

/** Of each page what is in it now, or what was when it was fsynced; zeros where there is neither. */
function leftOf({ content, synced }: Inode, octets: Fate['octets']): Buffer {
  const now = content()
  const left = Buffer.alloc(Math.max(now.length, synced.length))
  let end = 0
  for (let at = 0; at < left.length; at += pageLength) {
    const part = (octets() ? now : synced).subarray(at, at + pageLength)
    const count = part.copy(left, at)
    if (count > 0) end = at + count
  }
  return left.subarray(0, end)
}

export function modelDisk(): ModelDisk {
  const root = scratch(inMemory)
  const done: string[] = []
  const changes: Change[] = []
  const names = new Map<string, Entry>()
  const open = new Map<number, { readonly path: string; readonly inode: Inode | 'directory' }>()
  let fault: Fault | undefined
  let omitted: Omitted | undefined

  /** Counts an operation; throws what is to happen to it. */
  function step(operation: string): void {
    done.push(operation)
    if (fault === undefined || done.length < fault.at) return
    if (done.length > fault.at && !fault.lasting) return
    throw Object.assign(new Error(`${fault.code}: played, ${operation}`), { code: fault.code })
  }

  function change(made: Omit<Change, 'synced'>): void {
    changes.push({ ...made, synced: false })
    if (made.unlink !== undefined) names.delete(made.unlink)
    if (made.link !== undefined && made.entry) names.set(made.link, made.entry)
  }

  /** What an fsync that begins now makes safe, once it is done. */
  function underSync(descriptor: number): () => void {
    const { path, inode } = open.get(descriptor) ?? { path: '', inode: 'directory' }
    if (omitted === (inode === 'directory' ? 'fsync of a directory' : 'fsync of a file'))
      return () => {}
    if (inode !== 'directory') {
      const content = inode.content()
      return () => {
        inode.synced = content
      }
    }
    const isIn = (name: string | undefined): boolean => name !== undefined && dirname(name) === path
    const covered = changes.filter(({ link, unlink }) => isIn(link) || isIn(unlink))
    return () => {
      for (const each of covered) each.synced = true
    }
  }

  const kind = (descriptor: number): string =>
    open.get(descriptor)?.inode === 'directory' ? 'directory' : 'file'
  const turn = (): Promise<void> => new Promise((resolve) => setImmediate(resolve))
  /** Of much the first half: a nearly full disk writes in part. */
  const half = (octets: readonly Buffer[]): Buffer => {
    const all = Buffer.concat(octets)
    return all.length < 4096 ? all : all.subarray(0, all.length / 2)
  }
  function inodeOf(path: string): Inode {
    const inode = names.get(path)?.inode
    if (inode === undefined || inode === 'directory') throw new Error(`${path} is no file`)
    return inode
  }
  function opened(descriptor: number, path: string, inode: Inode | 'directory'): number {
    open.set(descriptor, { path, inode })
    return descriptor
  }
  function remove(path: string): void {
    step('rm')
    nodeDisk.rmSync(path)
    if (names.has(path)) change({ unlink: path })
  }

  /** A file that is there, opened by `open`. */
  function openedAgain(path: string, open: (path: string) => number): number {
    step('open')
    const descriptor = open(path)
    const inode = inodeOf(path)
    inode.content = () => readFileSync(`/proc/self/fd/${descriptor}`)
    return opened(descriptor, path, inode)
  }

  const disk: Disk = {
    mkdirSync(path) {
      step('mkdir')
      const first = nodeDisk.mkdirSync(path)
      const made: string[] = []
      for (let each = path; first !== undefined && each.length >= first.length; ) {
        made.unshift(each)
        each = dirname(each)
      }
      for (const each of made) change({ link: each, entry: { inode: 'directory' } })
      return first
    },
    createSync(path) {
      step('create')
      const descriptor = nodeDisk.createSync(path)
      // By its descriptor: the name may be another's by then.
      const content = (): Buffer => readFileSync(`/proc/self/fd/${descriptor}`)
      const inode = { content, synced: Buffer.of() }
      change({ link: path, entry: { inode } })
      return opened(descriptor, path, inode)
    },
    openSync: (path) => openedAgain(path, nodeDisk.openSync),
    openAppendedSync: (path) => openedAgain(path, nodeDisk.openAppendedSync),
    async truncate(path, octets) {
      step('truncate')
      await nodeDisk.truncate(path, octets)
      const left = readFileSync(path)
      inodeOf(path).content = () => left
    },
    truncateSync(path) {
      step('truncate')
      nodeDisk.truncateSync(path)
      inodeOf(path).content = () => Buffer.of()
    },
    openDirectorySync(path) {
      step('open directory')
      return opened(nodeDisk.openDirectorySync(path), path, 'directory')
    },
    closeSync(descriptor) {
      const inode = open.get(descriptor)?.inode
      if (inode !== undefined && inode !== 'directory') {
        const last = inode.content()
        inode.content = () => last
      }
      open.delete(descriptor)
      nodeDisk.closeSync(descriptor)
      // Even a close that fails has closed (close(2)).
      step('close')
    },
    async writev(descriptor, octets) {
      step('write')
      await turn()
      return writeSync(descriptor, half(octets))
    },
    writevSync(descriptor, octets) {
      step('write')
      return writeSync(descriptor, half(octets))
    },
    async fsync(descriptor) {
      step(`fsync of a ${kind(descriptor)}`)
      const finish = underSync(descriptor)
      await turn()
      finish()
    },
    fsyncSync(descriptor) {
      step(`fsync of a ${kind(descriptor)}`)
      underSync(descriptor)()
    },
    renameSync(from, to) {
      step('rename')
      nodeDisk.renameSync(from, to)
      const entry = names.get(from)
      change({ unlink: from, link: to, ...(entry && { entry }) })
    },
    rmSync: remove,
    async rm(path) {
      await turn()
      remove(path)
    },
    async writeFile(path, text) {
      step('write file')
      await nodeDisk.writeFile(path, text)
      const content = Buffer.from(text)
      const inode = { content: () => content, synced: Buffer.of() }
      change({ link: path, entry: { inode } })
    },
  }

  return {
    disk,
    root,
    done,
    openDescriptors: () => open.size,
    fail: (next) => {
      fault = next && { ...next, at: done.length + next.at }
    },
    omit: (operation) => {
      omitted = operation
    },
    afterPowerCut(into, { name, octets }) {
      const left = new Map<string, Entry>()
      for (const { link, unlink, entry, synced } of changes) {
        if (!synced && !name()) continue
        if (unlink !== undefined) left.delete(unlink)
        if (link !== undefined && entry) left.set(link, entry)
      }
      const isThere = (path: string): boolean =>
        path === root || (left.get(path)?.inode === 'directory' && isThere(dirname(path)))
      for (const [path, { inode }] of left) {
        const target = join(into, relative(root, path))
        if (!isThere(dirname(path))) continue
        if (inode === 'directory') mkdirSync(target, { recursive: true })
        else writeFileSync(target, leftOf(inode, octets), { mode: 0o600 })
      }
    },
  }
}
