/** fsync of a directory, for all who wait for it at once. */
import { type Disk, nodeDisk } from './disk.ts'
import { grouped } from './grouped.ts'

export type DirectorySync = {
  /** Resolves once every rename into the directory made before the call is on disk. */
  readonly sync: () => Promise<void>
  readonly close: () => void
}

export function directorySync(path: string, disk: Disk = nodeDisk): DirectorySync {
  const descriptor = disk.openDirectorySync(path)
  return {
    sync: grouped(() => disk.fsync(descriptor)),
    close() {
      disk.closeSync(descriptor)
    },
  }
}
