/** What stands beside an object's content in a directory store: KEY.metadata.json. */
import { readFile } from 'node:fs/promises'
import { errorCode } from '../errors.ts'
import { SIDECAR } from './dir-names.ts'
import type { PutOptions } from './object-store.ts'

export type Sidecar = {
  readonly contentType: string
  readonly metadata: Readonly<Record<string, string>>
  /** The name below %tmp of the content this describes, until that has its place (dir-put.ts). */
  readonly upload?: string
}

/** A file that somebody copied into the directory is an object, too. */
export const NO_SIDECAR: Sidecar = { contentType: 'application/octet-stream', metadata: {} }

export function sidecarOf({ contentType, metadata }: PutOptions, upload: string): Sidecar {
  const lowerCase = Object.entries(metadata).map(([name, value]) => [name.toLowerCase(), value])
  return { contentType, metadata: Object.fromEntries(lowerCase), upload }
}

/** Undefined when there is none; throws when it is not what `sidecarOf` makes. */
export async function readSidecar(contentPath: string): Promise<Sidecar | undefined> {
  const path = contentPath + SIDECAR
  let text: string
  try {
    text = await readFile(path, 'utf8')
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
  try {
    const value: unknown = JSON.parse(text)
    if (isSidecar(value)) return value
  } catch {
    // Not JSON: the same remedy.
  }
  throw new Error(`${path} does not hold an object's metadata: restore it, or remove it`)
}

function isSidecar(value: unknown): value is Sidecar {
  if (typeof value !== 'object' || value === null) return false
  if (!('contentType' in value && 'metadata' in value)) return false
  const { contentType, metadata } = value
  if (typeof contentType !== 'string' || typeof metadata !== 'object' || metadata === null)
    return false
  if ('upload' in value && typeof value.upload !== 'string') return false
  return Object.values(metadata).every((each) => typeof each === 'string')
}
