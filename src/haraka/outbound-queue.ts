/** The directory of Haraka's outbound queue: a file for each message and domain, named by its next attempt. */
import fs from 'node:fs'
import { join } from 'node:path'

/** Whether an earlier run has left messages that are not delivered yet. */
export function hasWaiting(queue: string): boolean {
  return filesIn(queue).length > 0
}

/** Takes over what waits in the queues of processes that are no more. Names are unique: they hold pid and chance. */
export function takeOver(queue: string, others: readonly string[]): void {
  for (const other of others) {
    const files = filesIn(other)
    if (files.length > 0) fs.mkdirSync(queue, { recursive: true, mode: 0o700 })
    for (const file of files) fs.renameSync(join(other, file), join(queue, file))
  }
}

/** Haraka 3.3.4 fsyncs the file and renames it, and leaves the name to chance. */
export async function syncQueue(queue: string): Promise<void> {
  const directory = await fs.promises.open(queue, 'r')
  try {
    await directory.sync()
  } finally {
    await directory.close()
  }
}

function filesIn(queue: string): string[] {
  try {
    return fs.readdirSync(queue)
  } catch {
    // There never was one.
    return []
  }
}
