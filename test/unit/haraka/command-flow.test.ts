/** Commands of one session: so many a turn, so many octets waiting, none while replies are not read. */
import { EventEmitter } from 'node:events'
import * as constants from 'haraka-constants'
import { beforeEach, expect, test } from 'vitest'
import { boundCommands } from '../../../src/haraka/command-flow.ts'
import { connectionCame, waitedMs } from '../../../src/haraka/turns.ts'
import type { Connection } from '../../../src/haraka/types.ts'

const { CMD, DISCONNECTING } = constants.connection.state

/** Stands for Haraka's connection: it runs each command at once, or not before `answer` when it is slow. */
function fakeConnection({ slow = false } = {}) {
  const ran: string[] = []
  const said: (number | string)[] = []
  const client = Object.assign(new EventEmitter(), {
    paused: false,
    targetsocket: { writableNeedDrain: false },
    pause: () => {
      client.paused = true
    },
    resume: () => {
      client.paused = false
    },
  })
  const connection = {
    client,
    state: CMD,
    current_data: null as Buffer | null,
    awaiting_data_reply: false,
    process_line(line: Buffer) {
      ran.push(line.toString('latin1'))
      if (slow) connection.state = 5
    },
    respond(code: number | string, _text: unknown, then?: () => void) {
      said.push(code)
      then?.()
    },
    disconnect() {
      connection.state = DISCONNECTING
      connection.current_data = null
    },
  }
  boundCommands(connection as unknown as Connection)
  const whole = connection as unknown as Connection
  return { connection: whole, client, ran, said }
}

const turn = (): Promise<unknown> => new Promise((resolve) => setImmediate(resolve))

/** The line is one for the whole process: none of an earlier test stands in it. */
beforeEach(async () => {
  while (waitedMs() > 0) await turn()
  await turn()
})

const noops = (count: number): string[] => Array.from({ length: count }, (_, n) => `NOOP ${n}\r\n`)

test('twenty commands run in a turn, all in their order', async () => {
  const { connection, ran } = fakeConnection()
  connection.process_data(Buffer.from(noops(50).join('')))
  // As Haraka does after each reply.
  connection._process_data()
  expect(ran.length).toBe(0)
  await turn()
  expect(ran.length).toBe(20)
  await turn()
  expect(ran.length).toBe(40)
  await turn()
  expect(ran).toEqual(noops(50))
})

test('sessions have their turn one after the other, however much one of them sends', async () => {
  const greedy = fakeConnection()
  const modest = fakeConnection()
  greedy.connection.process_data(Buffer.from(noops(10_000).join('')))
  modest.connection.process_data(Buffer.from('NOOP\r\n'))
  expect(waitedMs()).toBeGreaterThan(0)
  await turn()
  expect(modest.ran.length).toBe(1)
  greedy.connection.disconnect()
})

test('while connections come the line is served more slowly, so that they are seen to', async () => {
  const { connection, ran } = fakeConnection()
  connection.process_data(Buffer.from(noops(50).join('')))
  for (let n = 0; n < 8; n += 1) {
    connectionCame()
    await turn()
  }
  expect(ran.length).toBe(20)
  await turn()
  expect(ran.length).toBe(40)
})

test('a command that comes octet by octet is one command', async () => {
  const { connection, ran } = fakeConnection()
  for (const each of 'NOOP a\r\nNOOP b\n') connection.process_data(Buffer.from(each))
  await turn()
  expect(ran).toEqual(['NOOP a\r\n', 'NOOP b\n'])
})

test('while a command is under way the next waits, and beyond 64 KiB the client does', async () => {
  const { connection, client, ran } = fakeConnection({ slow: true })
  const chunk = Buffer.from('NOOP\r\n'.repeat(10_000))
  connection.process_data(chunk)
  expect(client.paused).toBe(false)
  await turn()
  connection.process_data(chunk)
  expect(client.paused).toBe(true)
  // Haraka resumes the client at the end of each transaction; it stays held.
  client.resume()
  expect(client.paused).toBe(true)
  expect(ran.length).toBe(1)
  while (ran.length < 20_000) {
    Object.assign(connection, { state: CMD })
    connection._process_data()
    await turn()
  }
  expect(client.paused).toBe(false)
})

test('while replies are not read no command runs, and all run when they are', async () => {
  const { connection, client, ran } = fakeConnection()
  client.targetsocket.writableNeedDrain = true
  connection.process_data(Buffer.from('NOOP\r\nNOOP\r\n'))
  await turn()
  expect(ran.length).toBe(0)
  client.targetsocket.writableNeedDrain = false
  client.emit('drain')
  await turn()
  expect(ran.length).toBe(2)
})

const lines = [
  [`${'x'.repeat(2046)}\r\n`, false, '2048 octets with its end are a command'],
  [`${'x'.repeat(2047)}\r\n`, true, 'one more is too many'],
  ['x'.repeat(2048), false, 'an end may come'],
  ['x'.repeat(2049), true, 'none may come any more'],
] as const

test.for(lines.map(([line, ends, why]) => [line.length, ends, why, line] as const))(
  'a line of %i octets ends the session: %s, because %s',
  async ([, ends, , line]) => {
    const { connection, said } = fakeConnection()
    connection.process_data(Buffer.from(line))
    await turn()
    expect(said).toEqual(ends ? [521] : [])
    expect(connection.state >= DISCONNECTING).toBe(ends)
  },
)

test('a client that goes on after the end of the session is not read any more', () => {
  const { connection, client } = fakeConnection()
  connection.disconnect()
  connection.process_data(Buffer.from('NOOP\r\n'))
  expect(client.paused).toBe(true)
  expect(connection.current_data).toBe(null)
})
