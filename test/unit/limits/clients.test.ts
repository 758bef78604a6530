/** What each client has taken: by IPv4 address and IPv6 /64, in bounded tables, at the same cost for all. */
import { describe, expect, test } from 'vitest'
import { type ClientLimits, type Counted, clients } from '../../../src/limits/clients.ts'

const generous: ClientLimits = {
  exempt: [],
  maxConnections: 1_000_000,
  maxConnectionsPerAddress: 1_000_000,
  maxConnectionsPerMinute: 1_000_000,
  maxMessagesPerMinute: 1_000_000,
  maxRecipientsPerMinute: 1_000_000,
}

describe('connections at a time', () => {
  const same = [
    ['192.0.2.1', '192.0.2.1', true, 'an address is itself'],
    ['192.0.2.1', '192.0.2.2', false, 'IPv4 neighbours are others'],
    ['2001:db8::1', '2001:db8::ffff:ffff:ffff:ffff', true, 'one /64 is one client'],
    ['2001:db8::1', '2001:db8:0:1::1', false, 'the next /64 is another'],
    ['::ffff:192.0.2.1', '192.0.2.1', true, 'Node tells IPv4 clients of IPv6 sockets so'],
  ] as const
  test.for(same)('%s and %s count together: %s, because %s', ([a, b, together]) => {
    const { enter } = clients({ ...generous, maxConnectionsPerAddress: 1 })
    expect(enter(a)).toBeUndefined()
    expect(enter(b)).toBe(together ? 'connections-of-client' : undefined)
  })

  test('each that ends makes room, and all together have a limit as well', () => {
    const { enter, leave, connections } = clients({ ...generous, maxConnections: 2 })
    expect([enter('192.0.2.1'), enter('192.0.2.2'), enter('192.0.2.3')]).toEqual([
      undefined,
      undefined,
      'connections',
    ])
    leave('192.0.2.1')
    expect(enter('192.0.2.3')).toBeUndefined()
    expect(connections()).toBe(2)
  })

  test('an exempt client has the limit of all together only', () => {
    const exempt = ['192.0.2.0/24', '2001:db8::/32']
    const { enter, mayMail } = clients({
      ...generous,
      exempt,
      maxConnections: 3,
      maxConnectionsPerAddress: 1,
      maxMessagesPerMinute: 1,
    })
    const found = ['192.0.2.1', '192.0.2.1', '2001:db8::1', '192.0.2.1'].map(enter)
    expect(found).toEqual([undefined, undefined, undefined, 'connections'])
    expect([mayMail('192.0.2.1'), mayMail('192.0.2.1')]).toEqual([true, true])
    expect([mayMail('198.51.100.1'), mayMail('198.51.100.1')]).toEqual([true, false])
  })
})

describe('in a minute', () => {
  test('a count ends with the minute, those of messages and recipients are apart', () => {
    let now = 0
    const limits = { ...generous, maxMessagesPerMinute: 2, maxRecipientsPerMinute: 1 }
    const { mayMail, mayRcpt } = clients(limits, undefined, () => now)
    const ip = '192.0.2.1'
    expect([mayMail(ip), mayMail(ip), mayMail(ip)]).toEqual([true, true, false])
    expect([mayRcpt(ip), mayRcpt(ip)]).toEqual([true, false])
    now = 60_000
    expect([mayMail(ip), mayRcpt(ip)]).toEqual([true, true])
  })

  test('who is over a limit is told of once', () => {
    const told: [string, Counted][] = []
    const limits = { ...generous, maxMessagesPerMinute: 1, maxConnectionsPerAddress: 1 }
    const { enter, mayMail } = clients(
      limits,
      (...each) => told.push(each),
      () => 0,
    )
    for (let n = 0; n < 5; n += 1) {
      mayMail('192.0.2.1')
      enter('192.0.2.1')
    }
    expect(told).toEqual([
      ['192.0.2.1', 'messages'],
      ['192.0.2.1', 'connections at a time'],
    ])
  })

  test('of more addresses than are remembered, those that come again are; the others begin anew', () => {
    const { mayMail } = clients({ ...generous, maxMessagesPerMinute: 1 }, undefined, () => 0)
    const address = (n: number): string => `${10 + (n >> 16)}.${(n >> 8) & 255}.${n & 255}.1`
    mayMail(address(0))
    expect(mayMail(address(0))).toBe(false)
    for (let n = 1; n < 80_000; n += 1) {
      mayMail(address(n))
      if (n % 10_000 === 0) expect(mayMail(address(0))).toBe(false)
    }
    expect(mayMail(address(1))).toBe(true)
    expect(mayMail(address(79_999))).toBe(false)
  })
})
