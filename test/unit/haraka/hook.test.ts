/** The wrapper around hooks: whatever a handler does, Haraka gets one answer, and doubt is 4xx. D§2.5 */
import * as constants from 'haraka-constants'
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { hook, hookTimeoutMs, type Turn } from '../../../src/haraka/hook.ts'
import { type Answer, proceed, replies, speakForUs } from '../../../src/haraka/replies.ts'
import type { Connection, Transaction } from '../../../src/haraka/types.ts'

const { CMD, DISCONNECTING } = constants.connection.state

/** Stands for Haraka's connection in a transaction; plays that the client goes away. */
function fakeConnection() {
  const said: [code: number | string, text: unknown][] = []
  const connection = {
    uuid: 'SESSION',
    transaction: {} as Transaction | null,
    state: CMD,
    client: { write: () => {} },
    current_data: null,
    awaiting_data_reply: false,
    respond: (code: number | string, text: unknown, then?: () => void) => {
      said.push([code, text])
      then?.()
    },
    disconnect: vi.fn(),
  }
  return {
    said,
    connection: connection as unknown as Connection & {
      transaction: Transaction | null
      state: number
    },
    leave() {
      connection.state = DISCONNECTING
      connection.transaction = null
    },
  }
}

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(process.stderr, 'write').mockReturnValue(true)
})
afterEach(() => {
  vi.useRealTimers()
  vi.restoreAllMocks()
})

type Handler = (connection: Connection, parameter: unknown, turn: Turn) => Answer | Promise<Answer>

/** Runs `handler` as Haraka would and lets `ms` pass; the results Haraka got. */
async function run(handler: Handler, ms = 0, connection = fakeConnection().connection) {
  const next = vi.fn()
  hook(handler)(next, connection, undefined)
  await vi.advanceTimersByTimeAsync(ms)
  return next.mock.calls.map(([result]: unknown[]) => result)
}

describe('what Haraka is told', () => {
  const accept: Answer = { disposition: 'accept' }
  const later = (answer: Answer, ms: number): Promise<Answer> =>
    new Promise((resolve) => setTimeout(resolve, ms, answer))
  const cases: readonly (readonly [what: string, handler: Handler, result: number, why: string])[] =
    [
      ['accept', () => accept, constants.ok, 'OK'],
      ['continue', () => proceed, constants.cont, 'CONT'],
      ['reject', () => replies.noRule, constants.deny, 'DENY'],
      ['defer', () => replies.diskLow, constants.denysoft, 'DENYSOFT'],
      [
        'defer and disconnect',
        () => replies.shuttingDown,
        constants.denysoftdisconnect,
        'DENYSOFTDISCONNECT',
      ],
      [
        'reject and disconnect',
        () => ({ ...replies.noRule, disconnect: true }),
        constants.denydisconnect,
        'DENYDISCONNECT',
      ],
      ['a promise of accept', async () => accept, constants.ok, 'handlers may wait'],
      [
        'accept in the last moment',
        () => later(accept, hookTimeoutMs - 1),
        constants.ok,
        'in time is in time',
      ],
      [
        'a throw',
        () => {
          throw new Error('thrown')
        },
        constants.denysoft,
        'B8: CONT to Haraka, the mail would pass',
      ],
      [
        'a throw of no error',
        () => {
          throw 'text'
        },
        constants.denysoft,
        'some libraries do',
      ],
      [
        'a rejection',
        () => Promise.reject(new Error('rejected')),
        constants.denysoft,
        'B8, P12: the process would end',
      ],
      [
        'a rejection without a reason',
        () => Promise.reject(undefined),
        constants.denysoft,
        'the same',
      ],
      [
        'no answer ever',
        () => new Promise(() => {}),
        constants.denysoft,
        'P13: 450 and a commit afterwards',
      ],
      [
        'an answer too late',
        () => later(accept, hookTimeoutMs + 1),
        constants.denysoft,
        'P13: the client was told 451',
      ],
      [
        'a rejection too late',
        () => later(accept, hookTimeoutMs + 1).then(() => Promise.reject(new Error('late'))),
        constants.denysoft,
        'and no unhandled rejection',
      ],
    ]
  test.for(cases)('%s', async ([, handler, result]) => {
    expect(await run(handler, hookTimeoutMs * 2)).toEqual([result])
  })
})

test('the reply of the answer is what leaves, whatever code Haraka pairs with it', async () => {
  const { connection, said } = fakeConnection()
  speakForUs(connection)
  await run(() => replies.tooLarge, 0, connection)
  connection.respond(550, 'Message denied')
  connection.respond(550, 'Message denied')
  expect(said).toEqual([
    [552, '5.3.4 Message is larger than the limit given by SIZE'],
    [550, '5.3.0 Not accepted'],
  ])
})

test('the time of a hook that answered is not held against it later', async () => {
  const { connection } = fakeConnection()
  expect(await run(async () => proceed, 0, connection)).toEqual([constants.cont])
  expect(vi.getTimerCount()).toBe(0)
})

test('what Haraka throws at the answer ends the session and not the process', async () => {
  const { connection } = fakeConnection()
  hook(() => proceed)(
    () => {
      throw new TypeError("Cannot read properties of null (reading 'uuid')")
    },
    connection,
    undefined,
  )
  expect(connection.disconnect).toHaveBeenCalledOnce()
})

describe('whether the client still waits', () => {
  const cases = [
    ['nothing happens', () => {}, true],
    ['the client leaves', (fake: ReturnType<typeof fakeConnection>) => fake.leave(), false],
    [
      'a new transaction has begun',
      (fake: ReturnType<typeof fakeConnection>) => {
        fake.connection.transaction = {} as Transaction
      },
      false,
    ],
    [
      'the session is being closed',
      (fake: ReturnType<typeof fakeConnection>) => {
        fake.connection.state = DISCONNECTING
      },
      false,
    ],
    [
      'the time of the hook is over',
      () => {
        vi.advanceTimersByTime(hookTimeoutMs + 1)
      },
      false,
    ],
  ] as const
  test.for(cases)('when %s', async ([, happen, expected]) => {
    const fake = fakeConnection()
    let awaited: boolean | undefined
    const go = Promise.withResolvers<void>()
    hook(async (_connection, _none, turn) => {
      await go.promise
      awaited = turn.awaited()
      return proceed
    })(() => {}, fake.connection, undefined)
    happen(fake)
    go.resolve()
    await vi.advanceTimersByTimeAsync(1)
    expect(awaited).toBe(expected)
  })
})

test('a client that left while the handler waited costs no second answer', async () => {
  const fake = fakeConnection()
  const results = run(
    async () => {
      await new Promise((resolve) => setTimeout(resolve, 10))
      throw new Error('too late for anybody')
    },
    hookTimeoutMs * 2,
    fake.connection,
  )
  fake.leave()
  expect(await results).toEqual([constants.denysoft])
})
