/** What the journals of processes that are gone hold is made safe, before anything is done with the queue. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import type { Config } from '../config/options.ts'
import { describeError, UserError } from '../errors.ts'
import { log } from '../log.ts'
import { Spool } from '../spool/spool.ts'

/** `pid`: of a process that died. Throws `UserError`. */
export async function recoverSpool({ dataDir }: Config, pid?: number): Promise<void> {
  const spool = new Spool(dataDir)
  try {
    const restored = await spool.recover((each) => each === pid || !takesMail(each))
    if (restored > 0)
      log.info({ restored }, 'Brought accepted messages back from the journal, after a power cut')
  } catch (error) {
    throw new UserError(
      `Accepted mail that is in ${join(dataDir, 'spool', 'journal')} could not be brought back (${describeError(error)}): mend the disk and start again; what is in there stays there until then.`,
    )
  } finally {
    spool.close()
  }
}

/** Those of a `serve` that was killed may still be giving their sessions answers; they settle by themselves. */
function takesMail(pid: number): boolean {
  try {
    const given = readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0')
    return given[given.indexOf('--role') + 1] === 'smtp'
  } catch {
    return false
  }
}
