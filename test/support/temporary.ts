/**
 * Directories for tests, which are gone when the file of tests is over. A module that is shared can't see to that
 * with a hook of its own: the unit tests share their modules, and it would be one of the first file that loads it.
 */
import { existsSync, mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** A place for files that no disk has to write. */
export const inMemory = existsSync('/dev/shm') ? '/dev/shm' : tmpdir()

const made: string[] = []

/** `place`: where it is to be, when not with other temporary files. */
export function temporaryDirectory(name: string, place: string = tmpdir()): string {
  const directory = mkdtempSync(join(place, `postern-${name}-`))
  made.push(directory)
  return directory
}

export function removeTemporary(): void {
  for (const each of made.splice(0)) rmSync(each, { recursive: true, force: true })
}
