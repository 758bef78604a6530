/** The quick reader of rule files: what it reads is what the YAML library reads, with the same places. */
import * as fc from 'fast-check'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { manyRules } from '../../../bench/rule-sets.ts'
import { readPlain } from '../../../src/rules/plain.ts'
import { readDocument, readSource } from '../../../src/rules/source.ts'

/** Both readers' data, and where they see every map and list. */
function bothOf(text: string, format: 'json' | 'yaml') {
  if (readPlain(text, format) === undefined) return undefined
  const [quick, library] = [readSource(text, format, 100), readDocument(text, format, 100)]
  const paths = containers(library.data, [])
  const seen = (source: typeof library) => ({
    data: source.data,
    problems: source.problems,
    places: paths.map((path) => source.locate({ path, reason: '' })),
  })
  return { quick: seen(quick), library: seen(library) }
}

function containers(data: unknown, path: (string | number)[]): (string | number)[][] {
  if (typeof data !== 'object' || data === null) return []
  const steps = Array.isArray(data) ? [...data.keys()] : Object.keys(data)
  const inside = steps.flatMap((step) =>
    containers((data as Record<string, unknown>)[step], [...path, step]),
  )
  return [path, ...inside]
}

const read = [
  // text, why
  ['a: b', 'a map'],
  ['- a\n- b: c\n  d:\n  - e\n  - f\n  g: h\n', 'a list below its key without indentation'],
  ['a:\n    - b: 1\n      c: true\n    - d: []\n    - {}\n', 'deep indentation, empty ones'],
  ['# c\na: b # c\n\n  # c\nb: "x # y" # c\nc: # c\n  - d # c\n', 'comments'],
  ['a: "q\\"\\n"\nb: \'it\'\'s\'\nc: it\'s "so"\nd: a:b\ne: a#b\nf: 0\n', 'scalars'],
  ['a: .example.com\nb: 5.1.1x\nc: 1a@b.test\nd: -\n', 'like numbers, the last not read'],
  ['a: Yes\nb: on\nc: truely\n', 'words that YAML 1.1 took for booleans'],
  ['a:\n  -\n    b: c\n  -   d: e\n      f: g\n', 'dashes alone and far'],
  ['a: bücher.example\n', 'letters of Europe'],
  ['constructor: a\ntoString: b\n', "names of an object's own"],
] as const

test('a CR alone is white space of JSON to both readers (found by fuzzing)', () => {
  const both = bothOf('{ "a":\r1,\r "b": [\r] }', 'json')
  expect(both?.quick).toEqual(both?.library)
  expect(both?.quick.data).toEqual({ a: 1, b: [] })
})

test.for(read)('%j is read as the library reads it: %s', ([text]) => {
  const both = bothOf(text, 'yaml')
  expect(both?.quick).toEqual(both?.library)
})

const left = [
  // text, why
  ['', 'nothing'],
  ['a: &x b\n', 'an anchor'],
  ['a: *x\n', 'an alias'],
  ['a: !!str b\n', 'a tag'],
  ['<<: {}\n', 'a merge key'],
  ['__proto__: {}\n', 'a prototype'],
  ['---\na: b\n', 'a document marker'],
  ['a: b\n...\n', 'the end of a document'],
  ['%YAML 1.1\n', 'a directive'],
  ['a: b\na: c\n', 'a key that is there twice'],
  ['a: b\n  c\n', 'a value that goes on in the next line'],
  ['a:\n  b\n', 'a value in the next line'],
  ['a: |\n  b\n', 'a block scalar'],
  ['a: [b, c]\n', 'a flow list'],
  ['a: {b: c}\n', 'a flow map'],
  ['a: b: c\n', 'two keys in a line'],
  ['a:\n', 'null'],
  ['a: ~\n', 'null'],
  ['a: NULL\n', 'null'],
  ['a: True\n', 'another spelling of true'],
  ['a: 0x1f\n', 'a hexadecimal number'],
  ['a: 1e3\n', 'a number with an exponent'],
  ['a: -1\n', 'a negative number'],
  ['a: .inf\n', 'infinity'],
  ['a: 007\n', 'zeros before a number'],
  ['a: "\\x41"\n', 'an escape that JSON does not have'],
  ['a: "b\n', 'a quote without an end'],
  ['a:\tb\n', 'a tab'],
  ['a: b\r\n', 'CR'],
  ['- a\nb: c\n', 'a map behind a list'],
  ['a:\n    - b\n  - c\n', 'a list that moves'],
  [' a: b\n', 'indentation at the top'],
  ['- - a\n', 'a list in a list'],
  [`${Array.from({ length: 99 }, (_, n) => `${' '.repeat(n)}a:\n`).join('')}`, 'depth'],
] as const

test.for(left)('%j is left to the library: %s', ([text]) => {
  expect(readPlain(text, 'yaml')).toBeUndefined()
})

describe('whatever it takes for granted', () => {
  const word = fc.stringMatching(/^[a-z0-9 .:#@*'"+&!~[\]{},>|%?-]{0,12}$/)
  const leaf = fc.oneof(
    word,
    fc.boolean(),
    fc.integer(),
    fc.constantFrom('null', 'True', '1.5', ''),
  )
  const { value } = fc.letrec((tie) => ({
    value: fc.oneof(
      { maxDepth: 4 },
      leaf,
      fc.array(tie('value'), { maxLength: 4 }),
      fc.dictionary(fc.stringMatching(/^[A-Za-z$][A-Za-z0-9]{0,6}$/), tie('value'), { maxKeys: 4 }),
    ),
  }))

  test('is the same to the library: data that was written as YAML', () => {
    fc.assert(
      fc.property(value, (data) => {
        const both = bothOf(stringify(data), 'yaml')
        if (both !== undefined) expect(both.quick).toEqual(both.library)
      }),
    )
  })

  test('is the same to the library: lines of odds and ends', () => {
    const indent = fc.constantFrom('', '  ', '    ', ' ')
    const start = fc.constantFrom('- ', '-', 'a:', 'b: ', 'c: ', '- d: ', '')
    const line = fc.tuple(indent, start, fc.oneof(word, fc.constant('')))
    const lines = fc.array(
      line.map((parts) => parts.join('')),
      { maxLength: 6 },
    )
    fc.assert(
      fc.property(lines, (all) => {
        const both = bothOf(all.join('\n'), 'yaml')
        if (both !== undefined) expect(both.quick).toEqual(both.library)
      }),
      { numRuns: 2000 },
    )
  })

  test('is the same to the library: JSON', () => {
    fc.assert(
      fc.property(fc.jsonValue({ maxDepth: 4 }), fc.constantFrom(0, 2), (data, space) => {
        const both = bothOf(JSON.stringify(data, null, space), 'json')
        if (both !== undefined) expect(both.quick).toEqual(both.library)
      }),
    )
  })
})

test('JSON with two equal keys is left to the library, however they are spelt', () => {
  expect(readPlain('{"a": 1, "a": 2}', 'json')).toBeUndefined()
  expect(readPlain('{"a": 1, "\\u0061": 2}', 'json')).toBeUndefined()
  expect(readPlain('{"a:": "b:", "c" : "\\"d\\":"}', 'json')?.data).toEqual({
    'a:': 'b:',
    c: '"d":',
  })
})

test('the rule sets that programs write are read the quick way', () => {
  const set = manyRules(20, 200)
  expect(readPlain(stringify(set), 'yaml')?.data).toEqual(set)
  expect(readPlain(JSON.stringify(set, null, 4), 'json')?.data).toEqual(set)
})
