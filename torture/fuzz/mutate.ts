/** Makes new inputs of old ones: octets flipped, cut, moved, doubled, words of the grammar put in. Pure. */

export type Random = () => number

/** What parsers stumble over, whatever they parse. */
const everywhere = [
  ...['\0', '\r', '\n', '\r\n', '\t', ' ', '"', "'", '\\', '<', '>', '(', ')', '[', ']', '{', '}'],
  ...['@', ':', ';', ',', '.', '..', '*', '%', '=', '-', '--', '/', '#', '&', '|', '?', '+'],
  ...[
    '\x1b[2J',
    '\x7f',
    '\x9b',
    '\ufeff',
    '\u202e',
    '\u2028',
    '\ud83d',
    '\u0130',
    'ß',
    'Ω',
    '\u0000',
  ],
  ...['0', '-1', '255', '256', '65536', '2147483648', '1e309', 'NaN', '9'.repeat(20)],
  ...['__proto__', 'constructor', 'toString', 'hasOwnProperty', 'null', 'true', '{}', '[]', '""'],
]

/** One to eight changes to `input`, not longer than `maxBytes` afterwards. */
export function mutate(
  input: Uint8Array,
  others: readonly Uint8Array[],
  tokens: readonly string[],
  random: Random,
  maxBytes: number,
): Buffer {
  let octets: Buffer = Buffer.from(input)
  const rounds = 1 + Math.floor(random() ** 3 * 8)
  for (let round = 0; round < rounds; round += 1) {
    const change = changes[Math.floor(random() * changes.length)] as Change
    octets = change(octets, { others, tokens, random }).subarray(0, maxBytes)
  }
  return octets
}

type With = {
  readonly others: readonly Uint8Array[]
  readonly tokens: readonly string[]
  readonly random: Random
}
type Change = (octets: Buffer, use: With) => Buffer

const place = (octets: Buffer, random: Random): number => Math.floor(random() * (octets.length + 1))
const pick = <T>(list: readonly T[], random: Random): T | undefined =>
  list[Math.floor(random() * list.length)]

/** A part of the input, more often short than long. */
function span(octets: Buffer, random: Random): readonly [number, number] {
  const from = place(octets, random)
  const longest = octets.length - from
  return [from, from + Math.floor(random() ** 3 * (longest + 1))]
}

function replaced(octets: Buffer, from: number, to: number, by: Uint8Array): Buffer {
  return Buffer.concat([octets.subarray(0, from), by, octets.subarray(to)])
}

function wordOf({ tokens, random }: With): Buffer {
  const list = tokens.length > 0 && random() < 0.7 ? tokens : everywhere
  return Buffer.from(pick(list, random) ?? '')
}

const changes: readonly Change[] = [
  function flipBit(octets, { random }) {
    if (octets.length === 0) return octets
    const copy = Buffer.from(octets)
    const at = Math.floor(random() * copy.length)
    copy[at] = (copy[at] ?? 0) ^ (1 << Math.floor(random() * 8))
    return copy
  },
  function anyOctet(octets, { random }) {
    if (octets.length === 0) return octets
    const copy = Buffer.from(octets)
    copy[Math.floor(random() * copy.length)] = Math.floor(random() * 256)
    return copy
  },
  function cutOff(octets, { random }) {
    return octets.subarray(0, place(octets, random))
  },
  function cutOut(octets, { random }) {
    const [from, to] = span(octets, random)
    return replaced(octets, from, to, Buffer.alloc(0))
  },
  function insertWord(octets, use) {
    const at = place(octets, use.random)
    return replaced(octets, at, at, wordOf(use))
  },
  function replaceByWord(octets, use) {
    const [from, to] = span(octets, use.random)
    return replaced(octets, from, to, wordOf(use))
  },
  function double(octets, { random }) {
    const [from, to] = span(octets, random)
    const times = random() < 0.9 ? 1 : Math.floor(random() * 200)
    const copies = Array.from({ length: times }, () => octets.subarray(from, to))
    return replaced(octets, to, to, Buffer.concat(copies))
  },
  function move(octets, { random }) {
    const [from, to] = span(octets, random)
    const part = Buffer.from(octets.subarray(from, to))
    const rest = replaced(octets, from, to, Buffer.alloc(0))
    const at = place(rest, random)
    return replaced(rest, at, at, part)
  },
  function splice(octets, { others, random }) {
    const other = Buffer.from(pick(others, random) ?? octets)
    const [from, to] = span(other, random)
    const [at, end] = random() < 0.5 ? span(octets, random) : [place(octets, random)]
    return replaced(octets, at, end ?? at, other.subarray(from, to))
  },
  function swapLines(octets, { random }) {
    const lines = octets.toString('latin1').split('\n')
    const [one, other] = [
      place(octets, random) % lines.length,
      place(octets, random) % lines.length,
    ]
    ;[lines[one], lines[other]] = [lines[other] ?? '', lines[one] ?? '']
    return Buffer.from(lines.join('\n'), 'latin1')
  },
  function changeNumber(octets, { random }) {
    const text = octets.toString('latin1')
    const numbers = [...text.matchAll(/\d+/g)]
    const found = pick(numbers, random)
    if (found === undefined) return octets
    const written = pick(
      ['0', '-1', '1', '255', '256', '65535', '4294967296', '1e9', '007'],
      random,
    )
    return replaced(octets, found.index, found.index + found[0].length, Buffer.from(written ?? ''))
  },
  function turnCase(octets, { random }) {
    const [from, to] = span(octets, random)
    const text = octets.toString('latin1', from, to)
    const turned = random() < 0.5 ? text.toUpperCase() : text.toLowerCase()
    return replaced(octets, from, to, Buffer.from(turned, 'latin1'))
  },
]
