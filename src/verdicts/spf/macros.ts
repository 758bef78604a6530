/**
 * Macro strings: read, and expanded as far as a name needs it. Pure; the work is in proportion to what is
 * written, however long the values are. RFC 7208 §7
 */
import { isTopLabel, longestName } from './names.ts'

type Letter = 's' | 'l' | 'o' | 'd' | 'i' | 'p' | 'v' | 'h'

/** What each letter stands for (§7.2). */
export type Values = Readonly<Record<Letter, string>>

type Macro = {
  readonly letter: Letter
  /** How many parts are kept, of those on the right. */
  readonly count: number
  readonly reversed: boolean
  readonly delimiters: string
  /** Upper case: escaped as in a URL. */
  readonly escaped: boolean
}

/** Texts and macros, as they follow each other. */
export type MacroString = readonly (string | Macro)[]

const piece = /%\{([slodipvhcrt])(\d*)(r?)([-.+,/_=]*)\}|%([%_-])|[^%]+/giy
const signs: Readonly<Record<string, string>> = { '%': '%', _: ' ', '-': '%20' }

type Read = {
  readonly pieces: MacroString
  /** The end, as written: a macro, or the text behind the last one. */
  readonly last: string
  /** Whether letters occur that only an explanation may have (§7.2). */
  readonly explains: boolean
}

/** `text`: visible US-ASCII. `undefined`: it is none. */
function read(text: string): Read | undefined {
  if (!text.includes('%')) return { pieces: [text], last: text, explains: false }
  const pieces: (string | Macro)[] = []
  let length = 0
  let last = ''
  let explains = false
  for (const match of text.matchAll(piece)) {
    const [written, letter, digits = '', r, delimiters, sign] = match
    length += written.length
    last = written
    if (letter !== undefined) {
      const count = digits === '' ? Number.POSITIVE_INFINITY : Number(digits)
      if (count === 0) return undefined
      const plain = letter.toLowerCase()
      explains ||= 'crt'.includes(plain)
      pieces.push({
        letter: plain as Letter,
        count,
        reversed: r !== '',
        delimiters: delimiters || '.',
        escaped: letter !== plain,
      })
    } else pieces.push(sign === undefined ? written : (signs[sign] ?? ''))
  }
  return length === text.length ? { pieces, last, explains } : undefined
}

/** §6 `unknown-modifier`: which letters it may use nobody says. */
export function isMacroString(text: string): boolean {
  return read(text) !== undefined
}

/** §7.1 `domain-spec`: a macro string that ends in a macro, or in a dot and a top label; or `undefined`. */
export function parseDomainSpec(text: string): MacroString | undefined {
  const found = read(text)
  if (found === undefined || found.explains) return undefined
  const { pieces, last } = found
  if (last.startsWith('%')) return pieces
  const end = last.endsWith('.') ? last.slice(0, -1) : last
  const dot = end.lastIndexOf('.')
  return dot >= 0 && isTopLabel(end.slice(dot + 1)) ? pieces : undefined
}

export function uses(spec: MacroString, letters: string): boolean {
  return spec.some((each) => typeof each !== 'string' && letters.includes(each.letter))
}

/** Of a longer text nothing further left can be in a name: 253 octets, a dot behind, one before. */
const enough = longestName + 2

/** §7.3. Of a text that is longer than a name, the end. */
export function expand(spec: MacroString, values: Values): string {
  let text = ''
  for (let index = spec.length - 1; index >= 0 && text.length < enough; index -= 1) {
    const each = spec[index] as string | Macro
    text = (typeof each === 'string' ? each : expanded(each, values[each.letter])) + text
  }
  return text
}

function expanded(macro: Macro, value: string): string {
  const { count, reversed, delimiters, escaped } = macro
  const isWhole = !reversed && count === Number.POSITIVE_INFINITY && delimiters === '.'
  const text = isWhole ? value : lastParts(macro, value)
  return escaped ? urlEscaped(text) : text
}

/** The parts on the right, with dots between them: of the reversed value the first ones, from its beginning. */
function lastParts({ count, reversed, delimiters }: Macro, value: string): string {
  let text = ''
  let [begin, end] = reversed ? [0, 0] : [value.length, value.length]
  for (let parts = 0; parts < count && text.length < enough; parts += 1) {
    if (reversed) while (end < value.length && !delimiters.includes(value.charAt(end))) end += 1
    else while (begin > 0 && !delimiters.includes(value.charAt(begin - 1))) begin -= 1
    const part = value.slice(begin, end)
    text = parts === 0 ? part : `${part}.${text}`
    if (reversed ? end === value.length : begin === 0) break
    if (reversed) begin = end += 1
    else end = begin -= 1
  }
  return text
}

/** RFC 3986 §2.3: whatever is not unreserved. */
function urlEscaped(text: string): string {
  return encodeURIComponent(text.toWellFormed()).replace(
    /[!'()*]/g,
    (sign) => `%${sign.charCodeAt(0).toString(16).toUpperCase()}`,
  )
}
