/** What stands beside an object's content in a directory store: KEY.metadata.json. */
import { readFile } from 'node:fs/promises'
import { errorCode } from '../errors.ts'
import { SIDECAR } from './dir-names.ts'
import type { PutOptions } from './object-store.ts'

export type Sidecar = {
  readonly contentType: string
  readonly metadata: Readonly<Record<string, string>>
  /** The name below %tmp of the content this describes, until that has its place (dir-put.ts, dir-replace.ts). */
  readonly upload?: string
  /** The key, where this replaced another: what a crash left is completed by it (dir-versions.ts). */
  readonly key?: string
}

/** A file that somebody copied into the directory is an object, too. */
export const NO_SIDECAR: Sidecar = { contentType: 'application/octet-stream', metadata: {} }

type Described = Pick<PutOptions, 'contentType' | 'metadata'>

export function sidecarOf({ contentType, metadata }: Described, upload: string): Sidecar {
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
  if ('upload' in value && !isUpload(value.upload)) return false
  if ('key' in value && typeof value.key !== 'string') return false
  return Object.values(metadata).every((each) => typeof each === 'string')
}

/** It becomes a path: a sidecar that somebody wrote must not lead elsewhere. */
function isUpload(value: unknown): boolean {
  return typeof value === 'string' && /^[0-9a-f-]{36}$/.test(value)
}
