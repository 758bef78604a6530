/** Filters and lists together, and the probes that decide which list is believed. */
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest'
import { type BlocklistOptions, openBlocklists } from '../../../src/filters/blocklists.ts'
import { compileFilters, type Policy } from '../../../src/filters/ip-filter.ts'
import { log } from '../../../src/log.ts'
import { alive, never, resolverOf, type Table } from './zone.ts'

beforeEach(() => {
  vi.useFakeTimers()
  vi.spyOn(log, 'warn').mockImplementation(() => {})
  vi.spyOn(log, 'info').mockImplementation(() => {})
})
const opened: { close: () => void }[] = []
afterEach(() => {
  for (const each of opened.splice(0)) each.close()
  vi.useRealTimers()
  vi.restoreAllMocks()
})

const list = (zone: string) => ({ zone, refuseOn: ['127.0.0.2-11'] })
const filters = (...all: (readonly [Policy, string])[]) =>
  compileFilters(
    all.map(([Policy, Cidr]) => ({ Name: `${Policy}-${Cidr}`, IpFilter: { Policy, Cidr } })),
  )

async function open(table: Table, more: Partial<BlocklistOptions> = {}) {
  const resolve = resolverOf(table)
  const blocklists = openBlocklists({
    filters: filters(),
    dnsbl: [list('bl.example')],
    dnswl: [],
    probeSeconds: 300,
    timeoutMs: 1000,
    resolve,
    probe: resolverOf(table),
    ...more,
  })
  opened.push(blocklists)
  // The first probes are over.
  await vi.advanceTimersByTimeAsync(0)
  return { ...blocklists, asked: resolve.asked }
}

const listed: Table = {
  ...alive('bl.example'),
  '99.2.0.192.bl.example': ['127.0.0.4'],
  'TXT 99.2.0.192.bl.example': ['see https://bl.example/192.0.2.99'],
}

test('a listed address is blocked, with the answers and the words of the list', async () => {
  const { check } = await open(listed)
  expect(await check('192.0.2.99')).toEqual({
    by: 'list',
    zone: 'bl.example',
    answers: ['127.0.0.4'],
    reason: 'see https://bl.example/192.0.2.99',
  })
  expect(await check('192.0.2.98')).toBeUndefined()
})

test('filters decide first, and no list is asked about an address they know', async () => {
  const { check, asked } = await open(listed, {
    filters: filters(['Allow', '192.0.2.99'], ['Block', '192.0.2.0/24']),
  })
  expect(check('192.0.2.99')).toBeUndefined()
  expect(check('::ffff:192.0.2.1')).toEqual({
    by: 'filter',
    name: 'Block-192.0.2.0/24',
    policy: 'Block',
    cidr: '192.0.2.0/24',
  })
  expect(asked).toEqual([])
})

test('an allow list wins over blocklists; one that is dead wins over none', async () => {
  const dnswl = [list('wl.example')]
  const both = { ...listed, ...alive('wl.example'), '99.2.0.192.wl.example': ['127.0.0.2'] }
  expect(await (await open(both, { dnswl })).check('192.0.2.99')).toBeUndefined()
  const dead = { ...listed, '99.2.0.192.wl.example': ['127.0.0.2'] }
  expect(await (await open(dead, { dnswl })).check('192.0.2.99')).toMatchObject({ by: 'list' })
})

test('of several lists the first in the file is told, and all are asked at once', async () => {
  const table = {
    ...listed,
    ...alive('other.example'),
    '99.2.0.192.other.example': ['127.0.0.2'],
  }
  const dnsbl = [list('other.example'), list('bl.example')]
  const { check, asked } = await open(table, { dnsbl })
  expect(await check('192.0.2.99')).toMatchObject({ zone: 'other.example', reason: '' })
  expect(asked.slice(0, 2)).toEqual(['A 99.2.0.192.other.example', 'A 99.2.0.192.bl.example'])
})

test('a list that does not answer holds a client for timeoutMs at most, and hides no other list', async () => {
  const table: Table = { ...listed, ...alive('slow.example'), '99.2.0.192.slow.example': never }
  const { check } = await open(table, { dnsbl: [list('slow.example'), list('bl.example')] })
  const found = check('192.0.2.99')
  await vi.advanceTimersByTimeAsync(1000)
  expect(await found).toMatchObject({
    zone: 'bl.example',
    reason: 'see https://bl.example/192.0.2.99',
  })
})

test('a TXT that does not come costs the reason and no more time', async () => {
  const { check } = await open({ ...listed, 'TXT 99.2.0.192.bl.example': never })
  const found = check('192.0.2.99')
  await vi.advanceTimersByTimeAsync(1000)
  expect(await found).toMatchObject({ by: 'list', reason: '' })
})

test.for(['ESERVFAIL', 'ETIMEOUT'])(
  'an answer of %s is not listed and never thrown',
  async (code) => {
    const { check } = await open({ ...listed, '99.2.0.192.bl.example': code })
    expect(await check('192.0.2.99')).toBeUndefined()
  },
)

describe('the probes', () => {
  const warned = () => vi.mocked(log.warn)
  const told = () => vi.mocked(log.info)

  test('a list is not used before its first probe is over', async () => {
    const probe = resolverOf({ ...listed, '1.0.0.127.bl.example': never })
    const { check, zones, asked } = await open(listed, { probe })
    expect(zones()).toEqual([{ zone: 'bl.example', up: false }])
    expect(await check('192.0.2.99')).toBeUndefined()
    expect(asked).toEqual([])
  })

  const faults = [
    [{ '1.0.0.127.bl.example': ['127.0.0.2'] }, /^lists 127\.0\.0\.1; .*take it out/],
    [{ '2.0.0.127.bl.example': 'ENOTFOUND' }, /^does not list 127\.0\.0\.2; .*name/],
    [{ '2.0.0.127.bl.example': 'ESERVFAIL' }, /^gives no answer \(ESERVFAIL\); .*dns\.servers/],
    [{ '1.0.0.127.bl.example': 'ETIMEOUT' }, /^gives no answer \(ETIMEOUT\); /],
    [{ '2.0.0.127.bl.example': ['127.255.255.254'] }, /public resolver; .*dns\.servers/],
    [{ '1.0.0.127.bl.example': ['203.0.113.1'] }, /outside 127\/8; .*dns\.servers/],
  ] as const
  test.for(faults)('with %j a list is off: %s', async ([fault, reason]) => {
    const warn = warned()
    const { check, zones } = await open({ ...listed, ...fault })
    expect(zones()).toEqual([
      { zone: 'bl.example', up: false, reason: expect.stringMatching(reason) },
    ])
    expect(await check('192.0.2.99')).toBeUndefined()
    expect(warn).toHaveBeenCalledExactlyOnceWith(
      { zone: 'bl.example', cause: expect.any(String), remedy: expect.any(String) },
      expect.stringContaining('switched off'),
    )
  })

  test('a list that dies is switched off at the next probe and on again later, each told once', async () => {
    const [warn, info] = [warned(), told()]
    const table: Table = { ...listed }
    const { check, zones } = await open(table, { probe: resolverOf(table) })
    expect(info).toHaveBeenCalledOnce()
    table['1.0.0.127.bl.example'] = ['127.0.0.2']
    await vi.advanceTimersByTimeAsync(600_000)
    expect(zones()).toMatchObject([{ up: false }])
    expect(await check('192.0.2.99')).toBeUndefined()
    expect(warn).toHaveBeenCalledOnce()
    delete table['1.0.0.127.bl.example']
    await vi.advanceTimersByTimeAsync(600_000)
    expect(zones()).toEqual([{ zone: 'bl.example', up: true }])
    expect(await check('192.0.2.99')).toMatchObject({ by: 'list' })
    expect(warn).toHaveBeenCalledOnce()
    expect(info).toHaveBeenCalledTimes(2)
  })

  test('an error code in an answer about a client switches the list off at once', async () => {
    const warn = warned()
    const { check, zones } = await open({
      ...listed,
      '98.2.0.192.bl.example': ['127.255.255.255'],
    })
    expect(await check('192.0.2.98')).toBeUndefined()
    expect(zones()).toMatchObject([{ up: false, reason: expect.stringContaining('too many') }])
    expect(await check('192.0.2.99')).toBeUndefined()
    expect(warn).toHaveBeenCalledOnce()
  })

  test('a question about a client that fails brings a probe forward, but not again and again', async () => {
    const table: Table = { ...listed, '98.2.0.192.bl.example': 'ETIMEOUT' }
    const probe = resolverOf(table)
    const { check, zones } = await open(table, { probe })
    expect(probe.asked).toHaveLength(2)
    await check('192.0.2.98')
    expect(probe.asked).toHaveLength(2)
    await vi.advanceTimersByTimeAsync(11_000)
    table['2.0.0.127.bl.example'] = 'ETIMEOUT'
    await check('192.0.2.98')
    await check('192.0.2.98')
    await vi.advanceTimersByTimeAsync(0)
    expect(probe.asked).toHaveLength(4)
    expect(zones()).toMatchObject([{ up: false }])
  })

  test('after close nothing is asked', async () => {
    const probe = resolverOf(listed)
    const { close } = await open(listed, { probe })
    close()
    await vi.advanceTimersByTimeAsync(1_000_000)
    expect(probe.asked).toHaveLength(2)
  })

  test('a zone that is named twice is probed once', async () => {
    const probe = resolverOf(listed)
    const { zones } = await open(listed, { probe, dnswl: [list('bl.example')] })
    expect(probe.asked).toHaveLength(2)
    expect(zones()).toHaveLength(1)
  })
})
