/** Connections to clamd that are kept: by a real clamd behind a relay, and by stand-ins for one that mixes things up. */
import { getEventListeners } from 'node:events'
import { connect, createServer, type Server, type Socket } from 'node:net'
import { afterAll, afterEach, beforeAll, describe, expect, test } from 'vitest'
import { eicar } from '../../../src/verdicts/clamd-own.ts'
import { clamdSessions } from '../../../src/verdicts/clamd-sessions.ts'
import { type RunningClamd, startClamd } from '../../support/clamd.ts'

let clamd: RunningClamd
beforeAll(async () => {
  clamd = await startClamd('MaxThreads 4')
})
afterAll(() => clamd.stop())

let server: Server | undefined
/** All connections so far, oldest first. */
const connections: Socket[] = []
afterEach(async () => {
  for (const each of connections) each.destroy()
  connections.length = 0
  await new Promise((resolve) => server?.close(resolve))
})

async function serve(behave: (socket: Socket, number: number) => void): Promise<string> {
  server = createServer((socket) => {
    connections.push(socket)
    socket.on('error', () => {})
    behave(socket, connections.length)
  })
  await new Promise<void>((resolve) => server?.listen(0, '127.0.0.1', resolve))
  const address = server.address()
  return `127.0.0.1:${typeof address === 'object' && address !== null ? address.port : 0}`
}

/** The real clamd; `asked` hears of each question that begins. */
function relayed(
  asked: (socket: Socket, question: number, isSession: boolean) => void = () => {},
): Promise<string> {
  return serve((socket) => {
    const behind = connect({ path: clamd.place.replace('unix:', '') })
    behind.on('error', () => {})
    let questions = 0
    let isSession = false
    socket.on('data', (octets) => {
      isSession ||= octets.includes('zIDSESSION\0')
      if (octets.includes('zINSTREAM\0')) {
        questions += 1
        asked(socket, questions, isSession)
      }
      behind.write(octets)
    })
    behind.on('data', (octets) => socket.write(octets))
    behind.on('close', () => socket.destroy())
    socket.on('close', () => behind.destroy())
  })
}

/** In a session says what `answer` returns when a question is whole, outside of one that it is bad. */
function answering(answer: (question: number) => string): Promise<string> {
  return serve((socket) => {
    let questions = 0
    let isSession = false
    socket.on('data', (octets) => {
      isSession ||= octets.includes('zIDSESSION\0')
      if (!octets.subarray(-4).equals(Buffer.alloc(4))) return
      questions += 1
      socket.write(isSession ? answer(questions) : isBad)
    })
  })
}
const isBad = 'stream: Bad FOUND\0'

const soon = (): AbortSignal => AbortSignal.timeout(20_000)
const clean = [Buffer.from('Subject: x\r\n\r\n'), Buffer.from('clean\r\n')]
const infected = [Buffer.from('Subject: x\r\n\r\n'), Buffer.from(eicar)]
const isFound = 'stream: Postern.Test.EICAR.UNOFFICIAL FOUND'
const closed = (socket: Socket | undefined): Promise<void> =>
  new Promise((resolve) => {
    if (socket === undefined || socket.destroyed) resolve()
    else socket.once('close', () => resolve())
  })

test('of many messages at once each gets its own answer, on few connections', async () => {
  const scan = clamdSessions(await relayed())
  const messages = Array.from({ length: 400 }, (_, index) => (index * 7919) % 3 === 0)
  const answers: string[] = []
  let next = 0
  await Promise.all(
    Array.from({ length: 8 }, async () => {
      for (let at = next++; at < messages.length; at = next++)
        answers[at] = await scan(messages[at] ? infected : clean, soon())
    }),
  )
  expect(answers).toEqual(messages.map((bad) => (bad ? isFound : 'stream: OK')))
  expect(connections.length).toBeLessThan(100)
})

test('messages of all sizes follow each other on one connection', async () => {
  const scan = clamdSessions(await relayed())
  for (const size of [0, 1, 65_536, 4_000_000, 3]) {
    expect(await scan([Buffer.alloc(size, 'x')], soon())).toBe('stream: OK')
    expect(await scan([Buffer.alloc(size, 'x'), ...infected], soon())).toBe(isFound)
    expect(await scan([], soon())).toBe('stream: OK')
  }
  expect(connections).toHaveLength(1)
})

test('what is read piece by piece has a connection of its own', async () => {
  const scan = clamdSessions(await relayed())
  async function* read() {
    yield* infected
  }
  expect(await scan(read(), soon())).toBe(isFound)
  await closed(connections[0])
  expect(await scan(clean, soon())).toBe('stream: OK')
  expect(connections).toHaveLength(2)
})

test('a session that is closed while nobody asks is not used again', async () => {
  const scan = clamdSessions(await relayed())
  expect(await scan(clean, soon())).toBe('stream: OK')
  connections[0]?.destroy()
  expect(await scan(infected, soon())).toBe(isFound)
  expect(connections).toHaveLength(2)
})

test.for([1, 2])(
  'a session that is closed at question %i has it asked outside of one',
  async (which) => {
    const scan = clamdSessions(
      await relayed((socket, question, isSession) => {
        if (isSession && question === which) socket.destroy()
      }),
    )
    for (let time = 0; time < 4; time += 1) expect(await scan(infected, soon())).toBe(isFound)
  },
)

test('one that is closed outside of a session, too, is lost', async () => {
  const scan = clamdSessions(await relayed((socket) => socket.destroy()))
  await expect(scan(clean, soon())).rejects.toMatchObject({ reason: 'connection-lost' })
  expect(connections).toHaveLength(2)
})

test('a clamd that is not there is asked once', async () => {
  const scan = clamdSessions('127.0.0.1:9')
  await expect(scan(clean, soon())).rejects.toMatchObject({ reason: 'unavailable' })
})

test('few wait for the next message, and not for long', async () => {
  const answers: (() => void)[] = []
  const scan = clamdSessions(
    await serve((socket) => {
      let questions = 0
      socket.on('data', () => {
        questions += 1
        answers.push(() => socket.write(`${questions}: stream: OK\0`))
        if (answers.length === 8) for (const answer of answers.splice(0)) answer()
      })
    }),
  )
  for (const opened of [8, 12]) {
    await Promise.all(Array.from({ length: 8 }, () => scan(clean, soon())))
    expect(connections).toHaveLength(opened)
  }
  await Promise.all(connections.map(closed))
})

const refused = [
  // answer to the first question, why
  ['2: stream: OK\0', 'of a question that was not asked yet'],
  ['0: stream: OK\0', 'of none'],
  ['stream: OK\0', 'without a number'],
  ['11: stream: OK\0', 'of a number that begins alike'],
  ['1: stream: OK\x002: stream: OK\0', 'two at once'],
  ['1: stream: OK\0\0', 'and more'],
  ['1: stream: OK\x002', 'and the begin of another'],
] as const

describe('a clamd that answers', () => {
  test.for(refused)('%j is not believed: %s', async ([answer]) => {
    const scan = clamdSessions(await answering(() => answer))
    expect(await scan(clean, soon())).toBe('stream: Bad FOUND')
    await closed(connections[0])
  })

  test('an earlier question once more is not believed', async () => {
    const scan = clamdSessions(await answering(() => '1: stream: OK\0'))
    expect(await scan(clean, soon())).toBe('stream: OK')
    expect(await scan(infected, soon())).toBe('stream: Bad FOUND')
    await closed(connections[0])
  })

  test('what it was not asked loses its session', async () => {
    const scan = clamdSessions(await answering((question) => `${question}: stream: OK\0`))
    expect(await scan(clean, soon())).toBe('stream: OK')
    connections[0]?.write('2: stream: OK\0')
    await closed(connections[0])
    expect(await scan(clean, soon())).toBe('stream: OK')
    expect(connections).toHaveLength(2)
  })

  test('that it knows no sessions is asked outside of one', async () => {
    const scan = clamdSessions(await answering(() => 'UNKNOWN COMMAND\0'))
    expect(await scan(clean, soon())).toBe('stream: Bad FOUND')
  })

  test('an error has its session closed', async () => {
    const scan = clamdSessions(await answering((question) => `${question}: stream: x ERROR\0`))
    for (let time = 0; time < 3; time += 1)
      expect(await scan(clean, soon())).toBe('stream: x ERROR')
    expect(connections).toHaveLength(3)
  })

  test('before it has all is believed, and its session closed', async () => {
    const scan = clamdSessions(
      await serve((socket) => void socket.pause().write('1: stream: Early FOUND\0')),
    )
    for (let time = 1; time <= 2; time += 1) {
      expect(await scan([Buffer.alloc(20_000_000)], soon())).toBe('stream: Early FOUND')
      expect(connections).toHaveLength(time)
    }
  })

  test('nothing is left when the time is over, in a session that is new or kept', async () => {
    const scan = clamdSessions(
      await answering((question) => (question === 1 ? '1: stream: OK\0' : '')),
    )
    const stop = new AbortController()
    expect(await scan(clean, stop.signal)).toBe('stream: OK')
    expect(getEventListeners(stop.signal, 'abort')).toEqual([])
    const late = scan(clean, stop.signal)
    expect(getEventListeners(stop.signal, 'abort')).toHaveLength(1)
    stop.abort()
    await expect(late).rejects.toMatchObject({ reason: 'timeout' })
    expect(getEventListeners(stop.signal, 'abort')).toEqual([])
    await closed(connections[0])
    expect(connections).toHaveLength(1)
    await expect(scan(clean, stop.signal)).rejects.toMatchObject({ reason: 'timeout' })
    await Promise.all(connections.map(closed))
  })
})
