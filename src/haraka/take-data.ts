/**
 * Takes DATA over from Haraka for one message: the socket's chunks go to `feed` as they come, and
 * Haraka gets the connection back at the end of data. Haraka's own way rewrites mail (pitfalls
 * P1–P7) and works line by line; this way has neither, and nothing of the message stays in memory.
 *
 * Leans on Haraka 3.3.4's process_data, _process_data, data_done and current_data: pinned, and held
 * by test/e2e/exactness.test.ts.
 */
import { connection as constants } from 'haraka-constants'
import { answerWith, replies } from './replies.ts'
import { nothing, shortLived } from './short-lived.ts'
import type { Connection } from './types.ts'

const { DATA, DISCONNECTING } = constants.state

/** Octets a client may send between DATA and our 354, where it should send none. */
const maxEarlyBytes = 65_536

/** What libuv reads at once. */
const fullRead = 65_536

/**
 * Call it in the `data` hook. A message of more than `maxBytes` that has no end is cut off. `feed` takes a chunk and returns the index just after the end of data
 * in it, or -1; or a promise of -1 when the client is to be made to wait until that resolves.
 */
export function takeData(
  connection: Connection,
  maxBytes: number,
  feed: (chunk: Buffer) => number | Promise<number>,
): void {
  const { transaction } = connection
  if (transaction === null) return
  transaction.discard_data = true
  // Haraka 3.3.4 unlinks at the end a spool file that was never made: 4 % of the CPU at 4 KiB.
  transaction.message_stream.destroy = nothing

  // What came with DATA in one packet is taken away from Haraka, whose loop over the lines of that
  // packet is still running and would eat the message.
  let early = connection.current_data
  connection.current_data = null

  // Those of command-flow.ts, as a rule.
  const { process_data, _process_data } = connection
  const restore = (rest: Buffer | null): void => {
    Object.assign(connection, { process_data, _process_data, current_data: rest })
  }

  const giveBack = (rest: Buffer | null): void => {
    restore(rest)
    // What was sent after the end is answered 503 by Haraka, command by command: none of it runs
    // (Haraka 3.3.4, GHSA-rp4q-8m6x-c43c).
    connection.data_done()
  }

  const go = (): void => {
    if (connection.state === DATA) connection.client.resume()
  }

  const take = (chunk: Buffer): void => {
    transaction.data_bytes += chunk.length
    const end = feed(chunk)
    if (typeof end !== 'number') {
      connection.client.pause()
      // A failed write shows when the message is committed; here it only ends the wait.
      end.then(go, go)
    } else if (end >= 0) giveBack(end < chunk.length ? chunk.subarray(end) : null)
    else if (transaction.data_bytes > maxBytes) {
      answerWith(connection, replies.tooLarge.reply)
      connection.respond(552, '', () => connection.disconnect())
    } else if (chunk.length >= fullRead) {
      // libuv 1.x reads a socket up to 32 times in a turn: two megabytes, while all others wait.
      connection.client.pause()
      setImmediate(go)
    }
  }

  connection.process_data = shortLived((chunk) => {
    // Not read any more: it is closed soon (patience.ts).
    if (connection.state >= DISCONNECTING) return connection.client.pause()
    early = early === null ? chunk : Buffer.concat([early, chunk])
    if (early.length > maxEarlyBytes && connection.state !== DATA) return connection.disconnect()
    connection._process_data()
  })

  // Haraka calls this when it has sent a reply, 354 or a refusal, for what came before it.
  connection._process_data = shortLived(() => {
    if (connection.state >= DISCONNECTING) return
    const octets = early
    if (connection.transaction !== transaction) {
      // DATA was refused after all.
      restore(octets)
      connection._process_data()
    } else if (connection.state === DATA && octets !== null) {
      early = null
      take(octets)
    }
  })
}
