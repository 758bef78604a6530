/** What the journals of processes that are gone hold is made safe, before anything is done with the queue. */
import { join } from 'node:path'
import type { Config } from '../config/options.ts'
import { describeError, UserError } from '../errors.ts'
import { log } from '../log.ts'
import { Spool } from '../spool/spool.ts'

/** `pid`: only that process is known to be gone. Throws `UserError`. */
export async function recoverSpool({ dataDir }: Config, pid?: number): Promise<void> {
  const spool = new Spool(dataDir)
  try {
    const restored = await spool.recover(pid)
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
