/**
 * Takes commands over from Haraka: a few of a session at a time (turns.ts), a bounded number of octets of them
 * waiting, and none while the client does not read its replies. Haraka 3.3.4 runs whatever has come in
 * one go (64 KiB of NOOPs hold up all other sessions for half a second), keeps all that comes meanwhile (quadratic
 * in time), writes replies that nobody reads to memory, and turns in a circle while a hook is awaited.
 *
 * Leans on Haraka 3.3.4's process_data, _process_data, process_line and current_data: pinned, and held by
 * test/e2e/hostile.test.ts.
 */
import { connection as constants } from 'haraka-constants'
import { shortLived } from './short-lived.ts'
import { type Work, waitForTurn } from './turns.ts'
import type { Connection } from './types.ts'

const { CMD, LOOP, DISCONNECTING } = constants.state

/** What a session may run before it stands in the line again: MAIL, some RCPTs and DATA. */
const commandsAtOnce = 5

/** RFC 5321 §4.5.3.1.4 wants 512; addresses of 256 octets with parameters want more. */
const maxCommandBytes = 2048

/** Octets of commands that may wait, beside what one read brings (64 KiB). The rest waits in the network. */
const maxWaitingBytes = 65_536

/** What may come right behind the end of data before the session is cut: no honest client sends any. */
const maxBytesAfterData = 8192

export function boundCommands(connection: Connection): void {
  const { client } = connection
  const pause = client.pause.bind(client)
  const resume = client.resume.bind(client)
  /** Two have a say in whether the client is read: Haraka, and this file. */
  let pausedByHaraka = false
  let held = false

  client.pause = shortLived(() => {
    pausedByHaraka = true
    pause()
  })
  client.resume = shortLived(() => {
    pausedByHaraka = false
    if (!held) resume()
  })

  const hold = (waiting: number): void => {
    if (connection.state >= DISCONNECTING) return
    if (waiting > maxWaitingBytes === held) return
    held = !held
    if (held) pause()
    else if (!pausedByHaraka) resume()
  }

  /** When not, whoever changes that calls _process_data again. */
  const mayRun = (): boolean =>
    (connection.state === CMD || connection.state === LOOP) &&
    client.targetsocket?.writableNeedDrain !== true

  /** Octets of the next command, 0 when it is not whole. */
  const next = (): number => {
    const waiting = connection.current_data
    const end = (waiting?.indexOf(10) ?? -1) + 1
    return end === 0 && (waiting?.length ?? 0) > maxCommandBytes ? maxCommandBytes + 1 : end
  }

  const run = (): number => {
    let ran = 0
    for (; ran < commandsAtOnce && mayRun(); ran += 1) {
      const end = next()
      if (end === 0) break
      runOne(connection, end)
    }
    hold(connection.current_data?.length ?? 0)
    if (mayRun() && next() > 0) waitForTurn(work)
    return ran
  }

  const work: Work = { run, since: undefined }

  connection.process_data = shortLived((chunk) => {
    // Not read any more: it is closed soon (patience.ts).
    if (connection.state >= DISCONNECTING) return pause()
    const waiting = connection.current_data
    connection.current_data = waiting === null ? chunk : Buffer.concat([waiting, chunk])
    connection._process_data()
    const left = connection.current_data?.length ?? 0
    if (connection.awaiting_data_reply && left > maxBytesAfterData) connection.disconnect()
  })

  connection._process_data = shortLived(() => {
    if (connection.state >= DISCONNECTING) return
    hold(connection.current_data?.length ?? 0)
    if (mayRun() && next() > 0) waitForTurn(work)
  })

  // When replies that could not be sent are gone: Haraka's stream passes this on for TCP and TLS alike.
  client.on('drain', () => connection._process_data())
}

function runOne(connection: Connection, end: number): void {
  const waiting = connection.current_data
  if (waiting === null) return
  if (end > maxCommandBytes) {
    connection.client.pause()
    connection.current_data = null
    connection.respond(521, 'Command line too long', () => connection.disconnect())
    return
  }
  connection.current_data = end < waiting.length ? waiting.subarray(end) : null
  connection.process_line(waiting.subarray(0, end))
}
