/**
 * Whether the disk under the spool has room. Asked at each MAIL FROM, so the answer comes from
 * memory; the file system is asked again when that is older than a second (D§2.7, pitfalls P17).
 */
import { access, constants, statfs } from 'node:fs/promises'

export type SpaceLimits = { readonly minFreeBytes: number; readonly minFreeInodes: number }

export type FreeSpace = {
  /**
   * Whether a message of `octets` more would leave less than the limits. Where it would not, they count as
   * taken until the file system is asked again: the messages of a second may be too many together.
   */
  readonly isLow: (octets: number) => boolean
  /** Asks the file system now. */
  readonly refresh: () => Promise<void>
}

const maxAgeMs = 1000

export function freeSpace(directory: string, limits: SpaceLimits): FreeSpace {
  let bytes = 0
  let inodes = 0
  let coming = 0
  let asked = Number.NEGATIVE_INFINITY
  let asking: Promise<void> | undefined

  async function ask(): Promise<void> {
    try {
      // A disk that failed is often mounted anew, to be read only: its room is no use.
      await access(directory, constants.W_OK)
      const found = await statfs(directory)
      bytes = found.bavail * found.bsize
      // File systems without inodes of their own (btrfs, …) say 0 of 0.
      inodes = found.files === 0 ? Number.POSITIVE_INFINITY : found.ffree
    } catch {
      // A file system that can't be asked is one that can't be written: full, for all we know.
      bytes = 0
    }
    asked = performance.now()
    coming = 0
    asking = undefined
  }

  const refresh = (): Promise<void> => {
    asking ??= ask()
    return asking
  }

  return {
    isLow(octets) {
      if (performance.now() - asked > maxAgeMs) void refresh()
      const left = bytes - coming - octets
      if (left < limits.minFreeBytes || inodes < limits.minFreeInodes) return true
      coming += octets
      return false
    },
    refresh,
  }
}
