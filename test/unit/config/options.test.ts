/** The option table as a whole: a new option is covered by being in it. */
import fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { configJsonSchema, type Schema, shapesOf } from '../../../src/config/json-schema.ts'
import { options } from '../../../src/config/options.ts'
import { secretNames } from '../../../src/config/parts.ts'

type Leaf = { readonly path: readonly string[]; readonly schema: Schema }

/** Every option without options below it; `0` stands for an entry of a list, `a-1` for a name of ours. */
function leaves(schema: Schema, path: readonly string[] = []): readonly Leaf[] {
  const below = shapesOf(schema).flatMap((each) => [
    ...Object.entries(each.properties ?? {}).flatMap(([name, part]) =>
      leaves(part, [...path, name]),
    ),
    ...(each.additionalProperties ? leaves(each.additionalProperties, [...path, 'a-1']) : []),
    ...(each.items?.properties ? leaves(each.items, [...path, '0']) : []),
  ])
  return below.length > 0 ? below : [{ path, schema }]
}

const all = leaves(configJsonSchema())
const integers = all.filter(({ schema }) => schema.type === 'integer')

const secret = `whsec_${Buffer.alloc(32).toString('base64')}`
const http = { type: 'http', url: 'https://app.example.test/' }
const webhook = { url: 'https://app.example.test/', secret }
const arn = 'arn:aws:sns:eu-west-1:123456789012:mail'
const nameOf: Readonly<Record<string, string>> = { topics: arn, functions: arn, webhooks: 'app' }

/** Targets that have the option. */
const targets: Readonly<Record<string, object>> = {
  'topics.timeoutMs': { type: 'webhook', ...webhook },
  'topics.maxLength': { type: 'redis', stream: 'mail' },
  'functions.timeoutMs': http,
  'webhooks.timeoutMs': webhook,
}

/** What must stand beside an option that is one of several shapes, so that nothing else is missing. */
function around(path: readonly string[], value: unknown): unknown {
  const [first, ...rest] = path
  if (first === undefined) return value
  const target = targets[`${first}.${rest[1]}`]
  if (target !== undefined && rest[1] !== undefined)
    return { [first]: { [nameOf[first] ?? '']: { ...target, [rest[1]]: value } } }
  if (first === '0') return [{ host: 'redis.example.test', ...(around(rest, value) as object) }]
  const own = { [first]: around(rest, value) }
  const besides = first === 'sentinels' ? { name: 'main' } : {}
  if (first === 'db') return { sentinels: [{ host: 'redis.example.test' }], name: 'main', ...own }
  return { ...besides, ...own }
}

const accepts = (path: readonly string[], value: unknown): boolean =>
  options.safeParse(around(path, value)).success

test('there are numeric options to walk', () => expect(integers.length).toBeGreaterThan(20))

describe.for(integers.map((each) => [each.path.join('.'), each] as const))('%s', ([, leaf]) => {
  const { path, schema } = leaf
  const min = schema.minimum ?? Number.NaN
  const max = schema.maximum ?? Number.NaN

  test('has a range that somebody chose, with its default inside', () => {
    expect(min).toBeGreaterThanOrEqual(0)
    expect(max).toBeLessThan(Number.MAX_SAFE_INTEGER)
    expect(schema.default).toBeGreaterThanOrEqual(min)
    expect(schema.default).toBeLessThanOrEqual(max)
  })

  test('takes every whole number of its range and no other', () => {
    for (const edge of [min, max]) expect(accepts(path, edge)).toBe(true)
    for (const edge of [min - 1, max + 1]) expect(accepts(path, edge)).toBe(false)
    fc.assert(fc.property(fc.integer({ min, max }), (value) => accepts(path, value)))
    fc.assert(
      fc.property(fc.integer({ max: min - 1, min: min - 1e9 }), (value) => !accepts(path, value)),
    )
    fc.assert(
      fc.property(
        fc.integer({ min: max + 1, max: Number.MAX_SAFE_INTEGER }),
        (value) => !accepts(path, value),
      ),
    )
  })

  test('takes nothing that is not a whole number, so that no limit can be switched off', () => {
    const others = [
      Number.NaN,
      Number.POSITIVE_INFINITY,
      Number.NEGATIVE_INFINITY,
      min + 0.5,
      1e300,
    ]
    for (const value of [...others, String(min), '', true, null, [min], {}]) {
      expect(accepts(path, value)).toBe(false)
    }
    fc.assert(fc.property(fc.string(), (value) => !accepts(path, value)))
    fc.assert(fc.property(fc.double(), (value) => Number.isInteger(value) || !accepts(path, value)))
  })

  test('says its unit where it has one, and what it bounds where it is a limit', () => {
    const name = path.at(-1) ?? ''
    const counts =
      /^(processes|concurrency|attempts|port|db|maxHops|maxRecipients|maxHeaderLines|minFreeInodes|cacheEntries|maxSignatures|maxDnsQueries|maxLength|maxErrors|maxIdleCommands|max\w+Per(Address|Minute|Session)|maxConnections|minBytesPerSecond)$/
    expect(name).toMatch(counts.test(name) ? counts : /(Bytes|Ms|Seconds)$/)
    if (/^(max|min|memory)/.test(name)) {
      expect(schema.description).toMatch(/Bounds|Ends|Keeps|against/)
    }
  })
})

test('every option says what it means in a sentence', () => {
  const silent = all.filter(({ path, schema }) => {
    const isKind = path.at(-1) === 'type' || path.at(-1) === 'a-1'
    return !isKind && !/^.+\.$/.test(schema.description ?? '')
  })
  expect(silent).toEqual([])
})

test('an option that sounds like a secret is known to be one', () => {
  const secret = all
    .map(({ path }) => path.at(-1) ?? '')
    .filter((name) => /password|secret|token/i.test(name))
  expect(secret.length).toBeGreaterThan(3)
  expect(secret.filter((name) => !secretNames.includes(name))).toEqual([])
})
