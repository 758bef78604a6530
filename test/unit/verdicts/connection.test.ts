/** One question, one answer: what a connection does when the other side, the time or the source fails. */
import { getEventListeners } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { connectionOn, type Question } from '../../../src/verdicts/connection.ts'

let server: Server
let peer: PromiseWithResolvers<Socket>
const peers: Socket[] = []
let stop: AbortController
beforeEach(async () => {
  peer = Promise.withResolvers()
  stop = new AbortController()
  server = createServer((socket) => {
    socket.on('error', () => {})
    peers.push(socket)
    peer.resolve(socket)
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
})
afterEach(async () => {
  expect(getEventListeners(stop.signal, 'abort')).toEqual([])
  // Other files in this process count its descriptors.
  for (const each of peers.splice(0)) each.destroy()
  await new Promise((resolve) => server.close(resolve))
})

function newConnection() {
  const address = server.address()
  const socket = connect(typeof address === 'object' && address !== null ? address.port : 0)
  return { socket, connection: connectionOn(socket, 'it') }
}
const gone = (socket: Socket): Promise<void> =>
  new Promise((resolve) => {
    if (socket.closed) resolve()
    else socket.once('close', () => resolve())
  })

/** Asks for a line. */
const question = (pieces: Question<string>['pieces'] = []): Question<string> => ({
  before: Buffer.from('?'),
  pieces,
  hear: (octets) => (octets?.at(-1) === 10 ? octets.toString() : undefined),
})

test('one question follows the other on it', async () => {
  const { socket, connection } = newConnection()
  for (const answer of ['one\n', 'two\n']) {
    const asked = connection.ask(question(), stop.signal)
    ;(await peer.promise).write(answer)
    expect(await asked).toBe(answer)
    expect(connection.isFree()).toBe(true)
  }
  connection.close()
  expect(connection.isFree()).toBe(false)
  await gone(socket)
})

test('what is said unasked ends it', async () => {
  const { socket } = newConnection()
  ;(await peer.promise).write('one\n')
  await gone(socket)
})

test('a question on one that is closed already, or whose time is over, is told at once', async () => {
  const { socket, connection } = newConnection()
  connection.close()
  await expect(connection.ask(question(), stop.signal)).rejects.toMatchObject({
    reason: 'unavailable',
  })
  await gone(socket)
  const other = newConnection()
  await expect(other.connection.ask(question(), AbortSignal.abort())).rejects.toMatchObject({
    reason: 'timeout',
  })
  await gone(other.socket)
})

test('a source that fails is passed on, and its connection gone', async () => {
  const { socket, connection } = newConnection()
  async function* failing() {
    yield Buffer.from('x')
    throw new Error('the disk is gone')
  }
  await expect(connection.ask(question(failing()), stop.signal)).rejects.toThrow('the disk is gone')
  await gone(socket)
})

test('a source that fails after the answer is nobody’s', async () => {
  const { socket, connection } = newConnection()
  const answered = Promise.withResolvers<void>()
  async function* failing() {
    yield Buffer.from('x')
    await answered.promise
    throw new Error('the disk is gone')
  }
  const asked = connection.ask(question(failing()), stop.signal)
  ;(await peer.promise).write('early\n')
  expect(await asked).toBe('early\n')
  answered.resolve()
  await new Promise((resolve) => setImmediate(resolve))
  const next = connection.ask(question(), stop.signal)
  ;(await peer.promise).write('next\n')
  expect(await next).toBe('next\n')
  connection.close()
  await gone(socket)
})

test('a source is let go of when the time is over', async () => {
  const { socket, connection } = newConnection()
  const closed = Promise.withResolvers<void>()
  async function* endless() {
    try {
      for (;;) yield Buffer.alloc(100_000)
    } finally {
      closed.resolve()
    }
  }
  const asked = connection.ask(question(endless()), stop.signal)
  // It does not read: a socket without a listener is paused.
  await peer.promise
  stop.abort()
  await expect(asked).rejects.toMatchObject({ reason: 'timeout' })
  await Promise.all([closed.promise, gone(socket)])
})
