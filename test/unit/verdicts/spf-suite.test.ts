/**
 * The test suite of RFC 7208 by the SPF project, as pyspf has it: every case, none left out. mailauth runs beside,
 * which is known to pass it, so that the driver here is tested, too.
 */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { parseAllDocuments } from 'yaml'
import { checkHost } from '../../../src/verdicts/spf/check-host.ts'
import { mailauthSpf, resolverOf, type Zone } from './spf-support.ts'

type Case = {
  readonly host: string
  readonly helo: string
  readonly mailfrom: string
  /** Several where the RFC leaves it open. */
  readonly result: string | readonly string[]
}
type Entry = 'TIMEOUT' | Readonly<Record<string, unknown>>
type Scenario = {
  readonly description: string
  readonly tests: Readonly<Record<string, Case>>
  readonly zonedata: Readonly<Record<string, readonly Entry[]>>
}

const file = join(import.meta.dirname, '../../vectors/spf/rfc7208-tests.yml')
const scenarios = parseAllDocuments(readFileSync(file, 'utf8')).map(
  (each) => each.toJS() as Scenario,
)

function zoneOf({ zonedata }: Scenario): Zone {
  return Object.fromEntries(
    Object.entries(zonedata).map(([name, entries]) => [name.toLowerCase(), recordsOf(entries)]),
  )
}

/**
 * Records of type SPF, which RFC 7208 has done away with, stand for TXT where there is no TXT; NONE is
 * none. With TIMEOUT nothing but what the zone has is answered.
 */
function recordsOf(entries: readonly Entry[]): Zone[string] {
  const records: Record<string, unknown[] | string> = {}
  const hasTxt = entries.some((each) => each !== 'TIMEOUT' && 'TXT' in each)
  for (const entry of entries) {
    if (entry === 'TIMEOUT') {
      records['ANY'] = 'ETIMEOUT'
      continue
    }
    for (const [type, value] of Object.entries(entry)) {
      if (value === 'NONE') continue
      const wanted = type === 'SPF' && !hasTxt ? 'TXT' : type
      if (value === 'TIMEOUT') records[wanted] = 'ETIMEOUT'
      else records[wanted] = [...(records[wanted] ?? []), shaped(wanted, value)]
    }
  }
  return records
}

function shaped(type: string, value: unknown): unknown {
  if (type === 'MX') {
    const [priority, exchange] = value as [number, string]
    return { priority, exchange }
  }
  return type === 'TXT' && !Array.isArray(value) ? [value] : value
}

const evaluators = { ours: checkHost, mailauth: resultOfMailauth }

async function resultOfMailauth(
  ...given: Parameters<typeof mailauthSpf>
): Promise<{ readonly result: string }> {
  return (await mailauthSpf(...given)).status
}

describe.each(Object.entries(evaluators))('%s', (_, evaluate) => {
  describe.each(scenarios)('$description', (scenario) => {
    const resolve = resolverOf(zoneOf(scenario))
    test.for(Object.entries(scenario.tests))('%s', async ([, { host, mailfrom, helo, result }]) => {
      const found = await evaluate({ ip: host, sender: mailfrom, helo }, resolve)
      // The first is the one that is preferred.
      expect([result].flat()[0]).toBe(found.result)
    })
  })
})

test('it has as many cases as it had', () => {
  expect(scenarios.flatMap(({ tests }) => Object.keys(tests))).toHaveLength(203)
})
