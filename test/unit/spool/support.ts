/** What the spool's tests share: a directory that goes away, a record, and what is on disk. */
import { existsSync, readdirSync, renameSync } from 'node:fs'
import { join } from 'node:path'
import type { SpoolRecord } from '../../../src/spool/record.ts'
import { Spool } from '../../../src/spool/spool.ts'
import { restOfRecord } from '../../support/record.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

/** `place`: where it is to be, when not with other temporary files. */
export function scratch(place?: string): string {
  return temporaryDirectory('spool', place)
}

/** Commits one message and answers its id. */
export async function keep(
  spool: Spool,
  message: Buffer,
  rest: Omit<SpoolRecord, 'size' | 'sha256'> = restOfRecord(),
): Promise<string> {
  const draft = spool.receive(256 * 1024)
  if (message.length > 0) draft.write(message)
  if (!(await draft.commit(rest, () => true))) throw new Error('it was not committed')
  return rest.id
}

type Place = 'incoming' | 'queue' | 'journal' | 'progress' | 'corrupt'

export function filesOf(dataDir: string, place: Place) {
  return readdirSync(join(dataDir, 'spool', place)).sort()
}

/** The journals there are those of an earlier boot. */
export function bootAgain(dataDir: string): void {
  const journal = join(dataDir, 'spool', 'journal')
  if (!existsSync(journal)) return
  for (const name of readdirSync(journal))
    renameSync(join(journal, name), join(journal, name.replace(/^[^.]+/, 'an-earlier-boot')))
}

/** The message of an entry, read to its end. */
export async function messageIn(spool: Spool, id: string): Promise<Buffer> {
  const entry = await spool.read(id)
  if (entry === undefined) throw new Error(`there is no entry ${id}`)
  try {
    return Buffer.concat(await Array.fromAsync(entry.message()))
  } finally {
    await entry.close()
  }
}

export function openDescriptors(): number {
  return readdirSync('/proc/self/fd').length
}

export { restOfRecord, Spool }
