/** Connections to Redis: an outage is told once, its end once, our own goodbye not at all, no password ever. */
import { afterEach, beforeEach, expect, test, vi } from 'vitest'
import { connectRedis, describePlace } from '../../../src/delivery/redis.ts'
import { log } from '../../../src/log.ts'
import { until } from '../../support/postern.ts'
import { startRedis, stopRedis } from '../../support/redis.ts'

const said: string[] = []

beforeEach(() => {
  said.length = 0
  for (const level of ['warn', 'info'] as const) {
    vi.spyOn(log, level).mockImplementation((_fields: unknown, text?: string) => {
      said.push(`${level} ${text?.includes('does not answer') === true ? 'away' : 'back'}`)
    })
  }
})
afterEach(() => {
  vi.restoreAllMocks()
  stopRedis()
})

test('an outage is told when it begins and when it ends, however many attempts lie between', async () => {
  const server = await startRedis()
  const client = connectRedis(server.place, 'waits')
  await until(() => client.status === 'ready')
  for (let round = 1; round <= 2; round += 1) {
    let attempts = 0
    client.on('reconnecting', () => (attempts += 1))
    await server.kill()
    await until(() => attempts >= 3)
    await server.start()
    await until(() => client.status === 'ready')
  }
  expect(said).toEqual(['warn away', 'info back', 'warn away', 'info back'])
  client.disconnect()
})

test('who closes a connection himself is not told that Redis does not answer', async () => {
  const server = await startRedis()
  const client = connectRedis(server.place, 'fails-fast')
  await until(() => client.status === 'ready')
  client.disconnect()
  await until(() => client.status === 'end')
  expect(said).toEqual([])
})

const hosts = [
  { host: 'a.example.test', port: 1 },
  { host: 'b.example.test', port: 2 },
]
const places = [
  // place, as it is told, why
  [
    'redis://user:secret@h.example.test:6379/1',
    'redis://h.example.test:6379/1',
    'user and password',
  ],
  [
    'redis://h.example.test?password=secret',
    'redis://h.example.test',
    'ioredis takes them there, too',
  ],
  ['unix:/data/redis.sock', 'unix:/data/redis.sock', 'nothing to hide'],
  [
    { sentinels: hosts, name: 'm', db: 0, tls: false, password: 'secret' },
    'a.example.test:1, b.example.test:2',
    'sentinels',
  ],
  [
    { cluster: hosts, tls: true, password: 'secret' },
    'a.example.test:1, b.example.test:2',
    'nodes',
  ],
] as const

test.for(places)('%j is told as %s: %s', ([place, told]) => {
  expect(describePlace(place)).toBe(told)
})
