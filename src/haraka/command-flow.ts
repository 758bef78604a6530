/**
 * Takes commands over from Haraka: so many of one session at a turn of the event loop, a bounded number of
 * octets of them waiting, and none while the client does not read its replies. Haraka 3.3.4 runs whatever has come in
 * one go (64 KiB of NOOPs hold up all other sessions for half a second), keeps all that comes meanwhile (quadratic
 * in time), writes replies that nobody reads to memory, and turns in a circle while a hook is awaited.
 *
 * Leans on Haraka 3.3.4's process_data, _process_data, process_line and current_data: pinned, and held by
 * test/e2e/hostile.test.ts.
 */
import { connection as constants } from 'haraka-constants'
import type { Connection } from './types.ts'

const { CMD, LOOP, DISCONNECTING } = constants.state

/** A pipeline of some hundred recipients takes a few turns more; others get theirs in between. */
const commandsPerTurn = 20

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
  let ran = 0
  /** Two have a say in whether the client is read: Haraka, and this file. */
  let pausedByHaraka = false
  let held = false

  client.pause = () => {
    pausedByHaraka = true
    pause()
  }
  client.resume = () => {
    pausedByHaraka = false
    if (!held) resume()
  }

  const hold = (waiting: number): void => {
    if (waiting > maxWaitingBytes === held) return
    held = !held
    if (held) pause()
    else if (!pausedByHaraka) resume()
  }

  const newTurn = (): void => {
    ran = 0
    connection._process_data()
  }

  /** Whether a command may run now. When not, whoever changes that calls _process_data again. */
  const mayRun = (): boolean =>
    (connection.state === CMD || connection.state === LOOP) &&
    ran < commandsPerTurn &&
    client.targetsocket?.writableNeedDrain !== true

  connection.process_data = (chunk) => {
    // Not read any more: it is closed soon (patience.ts).
    if (connection.state >= DISCONNECTING) return pause()
    const waiting = connection.current_data
    connection.current_data = waiting === null ? chunk : Buffer.concat([waiting, chunk])
    connection._process_data()
    const left = connection.current_data?.length ?? 0
    if (connection.awaiting_data_reply && left > maxBytesAfterData) connection.disconnect()
  }

  connection._process_data = () => {
    while (mayRun()) {
      const waiting = connection.current_data
      if (waiting === null || waiting.length === 0) break
      const end = waiting.indexOf(10) + 1
      if (end > maxCommandBytes || (end === 0 && waiting.length > maxCommandBytes)) {
        client.pause()
        connection.current_data = null
        connection.respond(521, 'Command line too long', () => connection.disconnect())
        break
      }
      if (end === 0) break
      connection.current_data = end < waiting.length ? waiting.subarray(end) : null
      if (ran === 0) setImmediate(newTurn)
      ran += 1
      connection.process_line(waiting.subarray(0, end))
    }
    if (connection.state < DISCONNECTING) hold(connection.current_data?.length ?? 0)
  }

  // When replies that could not be sent are gone: Haraka's stream passes this on for TCP and TLS alike.
  client.on('drain', () => connection._process_data())
}
