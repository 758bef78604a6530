/**
 * A real disk of a few megabytes, or a few inodes, for tests: a tmpfs, which root can mount. It fills up, it
 * runs out of inodes and it is mounted read only as any other disk.
 */
import { spawnSync } from 'node:child_process'
import { mkdtempSync, rmSync, statfsSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

export type SmallDisk = {
  readonly path: string
  /** Takes all room but `bytes`, or all inodes; `free` gives both back. */
  readonly fill: (bytes?: number) => void
  readonly takeInodes: () => void
  readonly free: () => void
  /** Fails (false) while a file on it is open for writing. */
  readonly mount: (how: 'ro' | 'rw') => boolean
  readonly freeBytes: () => number
  readonly remove: () => void
}

function run(command: string, ...args: string[]): boolean {
  return spawnSync(command, args, { stdio: 'ignore' }).status === 0
}

/** Throws where this user may not mount. */
export function smallDisk(megabytes: number, inodes: number): SmallDisk {
  const path = mkdtempSync(join(tmpdir(), 'postern-disk-'))
  if (!run('mount', '-t', 'tmpfs', '-o', `size=${megabytes}m,nr_inodes=${inodes}`, 'tmpfs', path)) {
    rmSync(path, { recursive: true })
    throw new Error('a tmpfs cannot be mounted here')
  }
  const ballast = join(path, 'ballast')
  const freeBytes = (): number => {
    const { bavail, bsize } = statfsSync(path)
    return bavail * bsize
  }
  const free = (): void => rmSync(ballast, { recursive: true, force: true })
  return {
    path,
    freeBytes,
    free,
    fill(bytes = 0) {
      free()
      // Others write at the same time: what no longer fits is as good.
      const take = Buffer.alloc(Math.max(0, freeBytes() - bytes))
      ignoreFull(() => writeFileSync(ballast, take))
    },
    takeInodes() {
      free()
      run('mkdir', ballast)
      ignoreFull(() => {
        for (let count = 0; ; count += 1) writeFileSync(join(ballast, String(count)), '')
      })
    },
    mount: (how) => run('mount', '-o', `remount,${how}`, path),
    remove() {
      // Processes of the test that were killed may hold it for a moment yet.
      run('umount', '-l', path)
      rmSync(path, { recursive: true, force: true })
    },
  }
}

function ignoreFull(write: () => void): void {
  try {
    write()
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOSPC') throw error
  }
}

/** Whether this user may mount: root outside of a container that forbids it. */
export function canMount(): boolean {
  try {
    smallDisk(1, 10).remove()
    return true
  } catch {
    return false
  }
}
