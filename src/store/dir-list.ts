/**
 * Lists a directory store in the order of keys, as S3 does: by their UTF-8 octets, `a.b` before
 * `a/b`. Holds the names of the folders on the way, never the whole tree; a folder that cannot hold
 * a wanted key is not read. Files that no key leads to are passed over.
 */
import { lstat, opendir } from 'node:fs/promises'
import { join } from 'node:path'
import { errorCode } from '../errors.ts'
import { octetsOf, pathOf } from './dir-names.ts'
import type { ListedObject } from './object-store.ts'

type Wanted = { readonly prefix: Buffer; readonly after: Buffer | undefined }
type Place = { readonly path: string; readonly octets: Buffer }
type Entry = { readonly name: string; readonly isFolder: boolean; readonly octets: Buffer }

export async function* listDirectory(
  root: string,
  options: { prefix?: string; after?: string },
): AsyncGenerator<ListedObject> {
  const prefix = Buffer.from(options.prefix ?? '')
  const after = options.after === undefined ? undefined : Buffer.from(options.after)
  yield* walk(root, { path: '', octets: Buffer.alloc(0) }, { prefix, after })
}

async function* walk(root: string, place: Place, wanted: Wanted): AsyncGenerator<ListedObject> {
  for (const entry of await entriesOf(join(root, place.path), place.octets, wanted)) {
    const path = place.path === '' ? entry.name : `${place.path}/${entry.name}`
    if (entry.isFolder) {
      yield* walk(root, { path, octets: entry.octets }, wanted)
      continue
    }
    const key = entry.octets.toString()
    if (pathOf(key) !== path) continue
    const found = await unlessGone(lstat(join(root, path)))
    if (found !== undefined) yield { key, size: found.size, time: found.mtime }
  }
}

async function entriesOf(path: string, base: Buffer, wanted: Wanted): Promise<Entry[]> {
  const entries: Entry[] = []
  const directory = await unlessGone(opendir(path, { bufferSize: 256 }))
  if (directory === undefined) return entries
  for await (const each of directory) {
    const isFolder = each.isDirectory()
    if (!isFolder && !each.isFile()) continue
    const added = octetsOf(each.name, isFolder)
    if (added === undefined) continue
    const octets = Buffer.concat([base, added])
    const wants = isFolder ? mayHold(octets, wanted) : isWanted(octets, wanted)
    if (wants) entries.push({ name: each.name, isFolder, octets })
  }
  // An object before a folder of the same octets: that folder's keys are all longer.
  return entries.sort(
    (a, b) => Buffer.compare(a.octets, b.octets) || Number(a.isFolder) - Number(b.isFolder),
  )
}

function isWanted(key: Buffer, { prefix, after }: Wanted): boolean {
  return startsWith(key, prefix) && (after === undefined || Buffer.compare(key, after) > 0)
}

/** Whether a wanted key can begin with `start`. */
function mayHold(start: Buffer, { prefix, after }: Wanted): boolean {
  if (!startsWith(start, prefix) && !startsWith(prefix, start)) return false
  return after === undefined || Buffer.compare(start, after) > 0 || startsWith(after, start)
}

function startsWith(octets: Buffer, start: Buffer): boolean {
  return (
    octets.length >= start.length && octets.compare(start, 0, start.length, 0, start.length) === 0
  )
}

/** Undefined when what was looked for is not there (any more). */
async function unlessGone<T>(looked: Promise<T>): Promise<T | undefined> {
  try {
    return await looked
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}
