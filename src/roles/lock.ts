/** The lock on dataDir: one Postern on one spool, which a killed one does not hold. */
import { closeSync, openSync, readFileSync, rmSync, writeSync } from 'node:fs'
import { errorCode, UserError } from '../errors.ts'

/** Two on one spool would deliver twice and sweep each other's messages away. */
export function lock(path: string): void {
  for (let attempt = 0; attempt < 2; attempt += 1) {
    try {
      const descriptor = openSync(path, 'wx', 0o600)
      writeSync(descriptor, `${process.pid}\n`)
      closeSync(descriptor)
      return
    } catch (error) {
      if (errorCode(error) !== 'EEXIST') throw error
      const pid = Number(readFileSync(path, 'utf8'))
      if (isPostern(pid)) {
        throw new UserError(
          `Postern already runs on this dataDir as process ${pid}: stop it (kill ${pid}), or set another dataDir in postern.yaml.`,
        )
      }
      rmSync(path, { force: true })
    }
  }
}

/** A pid may be another program's by now; Linux tells. Elsewhere a living pid counts. */
function isPostern(pid: number): boolean {
  if (!Number.isInteger(pid) || pid <= 0 || pid === process.pid) return false
  try {
    process.kill(pid, 0)
    // The whole word: redis-server is none of ours.
    return readFileSync(`/proc/${pid}/cmdline`, 'utf8').split('\0').includes('serve')
  } catch (error) {
    return errorCode(error) === 'EPERM'
  }
}
