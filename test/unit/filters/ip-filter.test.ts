/** IP filters: which addresses a block takes in, Allow before Block, and a naive twin that agrees. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { parseBlock } from '../../../src/filters/address.ts'
import { compileFilters, type IpFilter, type Policy } from '../../../src/filters/ip-filter.ts'

const filter = (Name: string, Policy: Policy, Cidr: string): IpFilter => ({
  Name,
  IpFilter: { Policy, Cidr },
})

const decide = (ip: string, ...filters: IpFilter[]): string | undefined =>
  compileFilters(filters).find(ip)?.name

const inside = [
  ['192.0.2.1', '192.0.2.1', true, 'one address'],
  ['192.0.2.1', '192.0.2.2', false, 'and no other'],
  ['192.0.2.0/24', '192.0.2.255', true, 'the last of a block'],
  ['192.0.2.0/24', '192.0.3.0', false, 'the first behind it'],
  ['10.0.0.1/24', '10.0.0.77', true, 'bits behind the prefix mean nothing (SES’s own example)'],
  ['0.0.0.0/0', '255.255.255.255', true, 'all of IPv4'],
  ['0.0.0.0/0', '2001:db8::1', false, 'and nothing of IPv6'],
  ['::/0', '2001:db8::1', true, 'all of IPv6'],
  ['::/0', '192.0.2.1', false, 'and nothing of IPv4'],
  ['192.0.2.0/24', '::ffff:192.0.2.7', true, 'a client of a dual-stack listener (P31)'],
  ['192.0.2.0/24', '::ffff:c000:0207', true, 'the same in hex'],
  ['::/0', '::ffff:192.0.2.7', false, 'it is no IPv6 address'],
  ['2001:db8::/32', '2001:DB8:0:0:0:0:0:1', true, 'however it is written'],
  ['2001:db8::1', '2001:db8::1', true, 'one IPv6 address'],
  ['2001:db8::1', '2001:db8::2', false, 'and no other'],
  ['1::', '1:0:0:0:0:0:0:0', true, 'zeros at the end'],
  ['::1/128', '::1', true, 'zeros at the beginning'],
  ['::/0', 'fe80::1%eth0', false, 'a zone id is no address'],
  ['0.0.0.0/0', 'unknown', false, 'neither is a word'],
] as const

test.for(inside)('%s and the client %s: %s, %s', ([cidr, ip, expected]) => {
  expect(decide(ip, filter('f', 'Block', cidr)) === 'f').toBe(expected)
})

const refused = [
  ['', 'is empty'],
  ['[2001:db8::1]', 'must be written without brackets'],
  ['fe80::1%eth0', 'must be written without a zone id'],
  ['::ffff:192.0.2.1', expect.stringContaining('inside IPv6')],
  ['::ffff:192.0.2.0/120', expect.stringContaining('inside IPv6')],
  ['::ffff:c000:201', expect.stringContaining('inside IPv6')],
  ['64:ff9b::192.0.2.1', expect.stringContaining('inside IPv6')],
  ['１92.0.2.1', expect.stringContaining('is no IP address')],
  ['192.0.2.1/２4', expect.stringContaining('is no IP address')],
  ['192.0.02.1', expect.stringContaining('is no IP address')],
  ['192.0.2.0/024', expect.stringContaining('is no IP address')],
  ['192.0.2.0/', expect.stringContaining('is no IP address')],
  ['/24', expect.stringContaining('is no IP address')],
  ['192.0.2/24', expect.stringContaining('is no IP address')],
  ['192.0.2.0/24/8', expect.stringContaining('is no IP address')],
  ['192.0.2.0/-1', expect.stringContaining('is no IP address')],
  [' 192.0.2.1', expect.stringContaining('is no IP address')],
  ['192.0.2.1\n', expect.stringContaining('is no IP address')],
  ['192.0.2.0/33', 'has a prefix of 33 bits; IPv4 has 32'],
  ['2001:db8::/129', 'has a prefix of 129 bits; IPv6 has 128'],
] as const

test.for(refused)('the block %j %s', ([text, reason]) => {
  expect(parseBlock(text)).toEqual(reason)
})

describe('of several filters', () => {
  const all = filter('all', 'Block', '0.0.0.0/0')
  const office = filter('office', 'Allow', '192.0.2.0/24')
  const one = filter('one', 'Block', '192.0.2.66')
  const net = filter('net', 'Block', '198.51.100.0/24')

  test('Allow wins over a shorter and over a longer Block, in any order', () => {
    for (const filters of [
      [all, office, one],
      [one, office, all],
    ]) {
      expect(decide('192.0.2.66', ...filters)).toBe('office')
      expect(decide('203.0.113.1', ...filters)).toBe('all')
    }
  })

  test('of one policy the longest prefix is told, and of equal ones the first', () => {
    expect(decide('198.51.100.1', all, net)).toBe('net')
    expect(decide('198.51.100.1', filter('same', 'Block', '198.51.100.9/24'), net)).toBe('same')
  })

  test('none is told where none matches', () => {
    expect(decide('203.0.113.1', office, one, net)).toBeUndefined()
    expect(decide('203.0.113.1')).toBeUndefined()
  })
})

// The naive twin: addresses as lists of bits, every filter looked at. It shares no code with the other.
const groupsOf = (ip: string): number[] =>
  ip.includes(':') ? ip.split(':').map((x) => Number.parseInt(x, 16)) : ip.split('.').map(Number)
const bitsOf = (ip: string): string =>
  groupsOf(ip)
    .map((group) =>
      BigInt(group)
        .toString(2)
        .padStart(ip.includes(':') ? 16 : 8, '0'),
    )
    .join('')

function naive(
  ip: string,
  filters: readonly IpFilter[],
): { policy: string; prefix: number } | undefined {
  const matches = filters.flatMap(({ IpFilter: { Policy, Cidr } }) => {
    const [address = '', length] = Cidr.split('/')
    const prefix = length === undefined ? bitsOf(address).length : Number(length)
    const matched =
      address.includes(':') === ip.includes(':') &&
      bitsOf(address).slice(0, prefix) === bitsOf(ip).slice(0, prefix)
    return matched ? [{ policy: Policy as string, prefix }] : []
  })
  const [best] = matches.sort(
    (one, other) => one.policy.localeCompare(other.policy) || other.prefix - one.prefix,
  )
  return best
}

// Few values, so that blocks overlap and addresses meet them.
const octet = fc.constantFrom(0, 1, 10, 127, 128, 192, 255)
const v4 = fc.tuple(octet, octet, octet, octet).map((all) => all.join('.'))
const group = fc.constantFrom(0, 1, 0x2001, 0xdb8, 0x8000, 0xffff)
const v6 = fc
  .array(group, { minLength: 7, maxLength: 7 })
  .map((rest) => ['2001', ...rest.map((each) => each.toString(16))].join(':'))
const cidr = fc.oneof(
  v4,
  v6,
  fc.tuple(v4, fc.integer({ min: 0, max: 32 })).map((all) => all.join('/')),
  fc.tuple(v6, fc.integer({ min: 0, max: 128 })).map((all) => all.join('/')),
)
const filters = fc
  .array(fc.tuple(fc.constantFrom<Policy>('Allow', 'Block'), cidr))
  .map((all) => all.map(([policy, block], index) => filter(`f${index}`, policy, block)))

test('any filters decide about any address as a naive twin does', () => {
  fc.assert(
    fc.property(filters, fc.oneof(v4, v6), (given, ip) => {
      const found = compileFilters(given).find(ip)
      const [, length] = found?.cidr.split('/') ?? []
      const prefix = Number(length ?? (ip.includes(':') ? 128 : 32))
      expect(found && { policy: found.policy, prefix }).toEqual(naive(ip, given))
    }),
    { numRuns: 2000 },
  )
})

test('a look-up among 100,000 filters costs what it costs among ten', () => {
  const many = Array.from({ length: 100_000 }, (_, index) =>
    filter(`f${index}`, 'Block', `10.${index >> 16}.${(index >> 8) & 255}.${index & 255}/32`),
  )
  const timeOf = (compiled: ReturnType<typeof compileFilters>): number => {
    const began = performance.now()
    for (let index = 0; index < 20_000; index += 1) compiled.find(`10.0.${index & 255}.9`)
    return performance.now() - began
  }
  const few = compileFilters(many.slice(0, 10))
  const large = compileFilters(many)
  expect(large.find('10.1.134.159')?.name).toBe('f99999')
  timeOf(few)
  const fastest = (compiled: typeof few) => Math.min(...[1, 2, 3].map(() => timeOf(compiled)))
  // Ten thousand times as many; a walk over them would show as that.
  expect(fastest(large)).toBeLessThan(fastest(few) * 50 + 5)
})
