/** Reading rules/filters.*: what is taken, and every mistake of a file at once with its place. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { parseFilters, readFilters } from '../../../src/filters/load.ts'
import { filtersJsonSchema } from '../../../src/filters/schema.ts'

let dir: string
beforeEach(() => {
  dir = mkdtempSync(join(tmpdir(), 'postern-filters-'))
})
afterEach(() => rmSync(dir, { recursive: true, force: true }))

const fromSes = {
  Filters: [
    { Name: 'office.1', IpFilter: { Policy: 'Allow', Cidr: '192.0.2.0/24' } },
    { Name: 'rest', IpFilter: { Policy: 'Block', Cidr: '0.0.0.0/0' } },
  ],
}

test('what aws ses list-receipt-filters prints is taken as it is, and so is YAML', () => {
  writeFileSync(join(dir, 'filters.json'), JSON.stringify(fromSes, null, 4))
  expect(readFilters(dir)).toEqual({ filters: fromSes.Filters, problems: [] })
  rmSync(join(dir, 'filters.json'))
  const yaml = 'Filters:\n  - { Name: a, IpFilter: { Policy: Block, Cidr: "2001:db8::/32" } }\n'
  writeFileSync(join(dir, 'filters.yml'), yaml)
  expect(readFilters(dir).filters).toEqual([
    { Name: 'a', IpFilter: { Policy: 'Block', Cidr: '2001:db8::/32' } },
  ])
})

test('the example of docs/blocklists.md is taken', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/blocklists.md'), 'utf8')
  const example = page.split('```yaml\n')[1]?.split('```')[0] ?? ''
  expect(parseFilters(example, 'filters.yaml')).toMatchObject({
    filters: [{ Name: 'partners' }, { Name: 'everybody-else' }, { Name: 'everybody-else-v6' }],
    problems: [],
  })
})

test('no file, and a file without filters, are no filters', () => {
  expect(readFilters(dir)).toEqual({ filters: [], problems: [] })
  expect(readFilters(join(dir, 'none'))).toEqual({ filters: [], problems: [] })
  expect(parseFilters('Filters: []', 'f.yaml')).toEqual({ filters: [], problems: [] })
})

test('two files are refused, since nobody can tell which one counts', () => {
  for (const ext of ['json', 'yaml']) writeFileSync(join(dir, `filters.${ext}`), 'Filters: []')
  expect(readFilters(dir).problems).toEqual([
    `There are both ${dir}/filters.yaml and ${dir}/filters.json: keep one of them.`,
  ])
})

test('a file that can’t be read is a problem, not an exception', () => {
  mkdirSync(join(dir, 'filters.yaml'))
  expect(readFilters(dir).problems).toEqual([expect.stringMatching(/cannot be read: .*EISDIR/)])
})

test('a file over 16 MiB is refused unread', () => {
  writeFileSync(join(dir, 'filters.json'), Buffer.alloc(16 * 1024 * 1024 + 1, ' '))
  expect(readFilters(dir).problems).toEqual([expect.stringMatching(/16777217 octets; the limit/)])
})

const broken = `Filters:
  - Name: a
    IpFilter: { Policy: block, Cidr: 192.0.2.1 }
  - Name: -b
    IpFilter: { Policy: Block, Cider: 192.0.2.0/24 }
  - Name: a
    IpFilter: { Policy: Allow, Cidr: 192.0.2.300 }
  - 42
  - { Name: 7, IpFilter: 192.0.2.1, Enabled: true }
Filter: []
`

test('every mistake is told at once, with line, column and the path to it', () => {
  expect(parseFilters(broken, 'filters.yaml')).toEqual({
    filters: [],
    problems: [
      'filters.yaml:3:25: Filters[0].IpFilter.Policy: must be Block or Allow',
      'filters.yaml:4:11: Filters[1].Name: must be 1 to 64 letters, digits, "_", "-" and ".", with a letter or a digit at both ends',
      'filters.yaml:5:15: Filters[1].IpFilter.Cidr: is missing',
      'filters.yaml:5:32: Filters[1].IpFilter.Cider: is not a known key; did you mean Cidr?',
      'filters.yaml:6:11: Filters[2].Name: is already the name of Filters[0]; names must be unique',
      'filters.yaml:7:38: Filters[2].IpFilter.Cidr: "192.0.2.300" is no IP address or CIDR block; write 192.0.2.1, 192.0.2.0/24, 2001:db8::1 or 2001:db8::/32',
      'filters.yaml:8:5: Filters[3]: must be an object with Name and IpFilter',
      'filters.yaml:9:13: Filters[4].Name: must be text',
      'filters.yaml:9:26: Filters[4].IpFilter: must be an object with Policy and Cidr',
      'filters.yaml:9:37: Filters[4].Enabled: is not a known key; known are Name, IpFilter',
      'filters.yaml:10:1: Filter: is not a known key; did you mean Filters?',
    ],
  })
})

const faults = [
  ['', 'yaml', /:1:1: document: must be an object with Filters$/, 'an empty file'],
  ['[]', 'json', /document: must be an object with Filters$/, 'a list'],
  ['{}', 'json', /document|Filters: is missing$/, 'nothing in it'],
  ['{"Filters": [],}', 'json', /document: is not JSON/, 'JSON is JSON'],
  ['{"Filters": [], "Filters": []}', 'json', /Filters: is there twice$/, 'a key written twice'],
  ['Filters: [', 'yaml', /document: cannot be read/, 'broken YAML'],
  ['Filters: *no', 'yaml', /has no anchor/, 'an alias of nothing'],
  ['{"Filters": [], "\\u0000\\n": 1}', 'json', /^f\.json:\S+ [^\n\x00]*known key/, 'odd keys'],
  ['{"Filters": [null]}', 'json', /Filters\[0\]: must be an object/, 'null'],
] as const

test.for(faults)('%j as %s is refused: %s, %s', ([text, ext, expected]) => {
  const { filters, problems } = parseFilters(text, `f.${ext}`)
  expect(filters).toEqual([])
  expect(problems.join('\n')).toMatch(expected)
})

test('100,000 filters as AWS prints them are read; one more is refused', () => {
  const text = (count: number): string =>
    JSON.stringify(
      {
        Filters: Array.from({ length: count }, (_, index) => ({
          Name: `f${index}`,
          IpFilter: { Policy: 'Block', Cidr: `10.${index >> 16}.${(index >> 8) & 255}.0/24` },
        })),
      },
      null,
      4,
    )
  expect(parseFilters(text(100_000), 'filters.json').filters).toHaveLength(100_000)
  expect(parseFilters(text(100_001), 'filters.json').problems).toEqual([
    expect.stringMatching(/Filters: has more than 100000 filters$/),
  ])
})

test('rules/schema/filters.json is what npm run docs writes', () => {
  const file = join(import.meta.dirname, '../../../rules/schema/filters.json')
  expect(readFileSync(file, 'utf8')).toBe(`${JSON.stringify(filtersJsonSchema(), null, 2)}\n`)
})
