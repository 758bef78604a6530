/** What the servers that run as children of `serve` have in common: how they die, where they listen. */
import { spawnSync } from 'node:child_process'
import { createHash } from 'node:crypto'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

/** Arguments of setpriv that hand no right of ours on, as that to port 25. */
export const noRights: readonly string[] = ['--inh-caps=-all', '--ambient-caps=-all']

/** Linux: the kernel ends the child when its parent ends, even by SIGKILL (util-linux setpriv). */
export function dyingWithParent(): string[] {
  const prefix = ['--pdeathsig', 'TERM', ...noRights]
  const found = spawnSync('setpriv', [...prefix, 'true'], { stdio: 'ignore' })
  return found.status === 0 ? ['setpriv', ...prefix] : []
}

/** A unix socket's path has at most 107 octets (Linux, unix(7)); a long directory gets one in /tmp. */
export function socketIn(directory: string, name: string): string {
  const path = join(directory, name)
  if (Buffer.byteLength(path) <= 107) return path
  const short = createHash('sha256').update(directory).digest('hex').slice(0, 24)
  return join(tmpdir(), `postern-${process.getuid?.() ?? 0}-${short}`, name)
}
