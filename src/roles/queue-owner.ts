/**
 * Whose delivery queue it is: the node's name, and an id of this dataDir that is made once and kept in
 * it. Two nodes that were given one name on one Redis therefore have a queue each; with the name alone
 * each would clear the other's at start and take its jobs, which it has no message for.
 */
import { randomBytes } from 'node:crypto'
import { linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import type { Config } from '../config/options.ts'
import { errorCode } from '../errors.ts'
import { places } from './prepare.ts'

export function queueOwner({ node, dataDir }: Pick<Config, 'node' | 'dataDir'>): string {
  const file = places(dataDir).nodeId
  const id = read(file) ?? make(dataDir, file)
  return `${node}-${id}`
}

/** A file that a power cut left empty counts as none. */
function read(file: string): string | undefined {
  try {
    return /^[0-9a-f]{12}$/m.exec(readFileSync(file, 'utf8'))?.[0]
  } catch (error) {
    if (errorCode(error) === 'ENOENT') return undefined
    throw error
  }
}

/** Roles that start at the same time agree: the first to link its file has made the id. */
function make(dataDir: string, file: string): string {
  mkdirSync(dataDir, { recursive: true, mode: 0o700 })
  const draft = `${file}.${process.pid}`
  const id = randomBytes(6).toString('hex')
  writeFileSync(draft, `${id}\n`, { mode: 0o600 })
  try {
    linkSync(draft, file)
    return id
  } catch (error) {
    if (errorCode(error) !== 'EEXIST') throw error
    const theirs = read(file)
    if (theirs !== undefined) return theirs
    rmSync(file, { force: true })
    return make(dataDir, file)
  } finally {
    rmSync(draft, { force: true })
  }
}
