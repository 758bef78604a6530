/** IP filters on the command line: what `check` finds wrong, and what `explain --ip` says. */
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { checkRules } from '../../../src/cli/check-rules.ts'
import { explain } from '../../../src/cli/explain.ts'
import { loadConfig } from '../../../src/config/load.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'postern-cli-filters-'))
  const rule = { Name: 'all', Enabled: true, Actions: [{ S3Action: { BucketName: 'inbox' } }] }
  write('default.json', { Metadata: { Name: 'default' }, Rules: [rule] })
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

function write(name: string, data: unknown): void {
  writeFileSync(join(dir, name), typeof data === 'string' ? data : JSON.stringify(data))
}

const filters = {
  Filters: [
    { Name: 'office', IpFilter: { Policy: 'Allow', Cidr: '192.0.2.0/24' } },
    { Name: 'rest', IpFilter: { Policy: 'Block', Cidr: '0.0.0.0/0' } },
  ],
}

test('check finds good filters good and counts no rule set more', () => {
  write('filters.json', filters)
  expect(checkRules(dir)).toMatchObject({ ruleSets: ['default'], problems: [] })
})

test('check tells the mistakes of rule sets and filters together', () => {
  write('filters.yaml', 'Filters:\n  - { Name: a, IpFilter: { Policy: Deny } }\n')
  write('default.json', { Metadata: { Name: 'default' } })
  expect(checkRules(dir).problems).toEqual([
    expect.stringMatching(/default\.json:\d+:\d+: Rules: is missing$/),
    expect.stringMatching(/filters\.yaml:\d+:\d+: Filters\[0\]\.IpFilter\.Cidr: is missing$/),
    `${dir}/filters.yaml:2:36: Filters[0].IpFilter.Policy: must be Block or Allow`,
  ])
})

const config = loadConfig({ env: {}, cwd: tmpdir() })
const asked = (ip?: string) => ({
  rules: dir,
  config,
  given: {
    recipients: ['you@example.test'],
    session: { tls: false, ...(ip === undefined ? {} : { remoteIp: ip }) },
  },
})
const json = (ip?: string) => JSON.parse(explain({ ...asked(ip), json: true }))

test('explain --ip names the filter that blocks, and nothing would happen', () => {
  write('filters.json', filters)
  expect(json('203.0.113.1')).toMatchObject({
    disposition: 'reject',
    filter: { name: 'rest', policy: 'Block', cidr: '0.0.0.0/0' },
    rules: [{ name: 'all', matched: true }],
    plan: [],
  })
  expect(explain(asked('203.0.113.1'))).toBe(
    [
      'Client 203.0.113.1',
      '  blocked by the IP filter rest (0.0.0.0/0)',
      'Rule set default: reject',
      '  you@example.test: refused, 550 5.7.1 IP address blacklisted by recipient: filter rest',
      'Rules',
      '  yes  all  matched by a configured domain, as the rule names no recipients (for you@example.test)',
      'Plan',
      '  nothing',
    ].join('\n'),
  )
})

test('explain --ip names the filter that allows, and the rules decide', () => {
  write('filters.json', filters)
  expect(json('192.0.2.9')).toMatchObject({
    disposition: 'accept',
    filter: { name: 'office', policy: 'Allow', cidr: '192.0.2.0/24' },
    plan: [{ rule: 'all' }],
  })
  expect(explain(asked('192.0.2.9'))).toMatch(
    /^Client 192\.0\.2\.9\n {2}allowed by the IP filter office \(192\.0\.2\.0\/24\), no DNS list counts\n/,
  )
})

test('explain --ip says so where no filter decides; without it there is no field', () => {
  write('filters.json', filters)
  expect(json('2001:db8::1')).toMatchObject({ disposition: 'accept', filter: null })
  expect(explain(asked('2001:db8::1'))).toContain('no IP filter decides about it')
  expect(json()).not.toHaveProperty('filter')
  expect(explain(asked())).not.toContain('Client')
})

test('explain refuses what is no address, and filters that can’t be used', () => {
  expect(() => explain(asked('192.0.2'))).toThrow('--ip: 192.0.2 is no IP address.')
  write('filters.json', '{"Filters": 1}')
  expect(() => explain(asked('192.0.2.1'))).toThrow(/filters\.json:1:13: Filters: must be a list/)
})
