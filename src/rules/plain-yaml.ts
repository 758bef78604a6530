/**
 * Reads the YAML that programs and most people write: block maps and lists, each value on one line. Ten
 * times as fast as the library, which builds a document with the position of everything; a rule set of
 * a hundred thousand recipients takes it seconds. What is not surely the same to both is not read here:
 * `undefined` sends the caller to the library. Pure.
 */

export type PlainYaml = {
  readonly data: unknown
  /** Where in the text each map and list begins. */
  readonly offsets: ReadonlyMap<unknown, number>
}

type Line = { readonly indent: number; readonly text: string; readonly offset: number }

/** Deeper than any rule set; a bound on recursion. */
const maxIndent = 60

/** The data of a text, or undefined when the library has to be asked. */
export function plainYaml(text: string): PlainYaml | undefined {
  const lines = linesOf(text)
  const offsets = new Map<object, number>()
  let at = 0
  const first = lines?.[0]
  if (lines === undefined || first === undefined || first.indent > 0) return undefined
  const data = block(0)
  return data !== undefined && at === lines.length ? { data, offsets } : undefined

  /** The map or list whose lines are indented by `indent`, from here on. */
  function block(indent: number): object | undefined {
    const line = lines?.[at]
    if (line === undefined || line.indent !== indent || indent > maxIndent) return undefined
    return isItem(line.text) ? list(indent) : map(indent)
  }

  function list(indent: number): object | undefined {
    const items: unknown[] = []
    offsets.set(items, lines?.[at]?.offset ?? 0)
    for (let line = lines?.[at]; line?.indent === indent && isItem(line.text); line = lines?.[at]) {
      const rest = line.text.slice(1).trimStart()
      const inner = indent + line.text.length - rest.length
      const offset = line.offset + inner - indent
      const isMap = keyPattern.test(rest)
      // `- Name: a`: what stands behind the dash is the first line of a map.
      if (isMap && lines !== undefined) lines[at] = { indent: inner, text: rest, offset }
      else at += 1
      const item = isMap ? block(inner) : value(rest, offset, indent + 1)
      if (item === undefined) return undefined
      items.push(item)
    }
    return ends(indent) ? items : undefined
  }

  function map(indent: number): object | undefined {
    const found: Record<string, unknown> = {}
    offsets.set(found, lines?.[at]?.offset ?? 0)
    for (let line = lines?.[at]; line?.indent === indent; line = lines?.[at]) {
      const [, key, rest = ''] = keyPattern.exec(line.text) ?? []
      if (key === undefined || Object.hasOwn(found, key)) return undefined
      at += 1
      // A list may stand below its key without being indented.
      const least = isItem(lines?.[at]?.text ?? '') ? indent : indent + 1
      const held = value(rest, line.offset + line.text.length - rest.length, least)
      if (held === undefined) return undefined
      found[key] = held
    }
    return ends(indent) ? found : undefined
  }

  /** What stands behind a key or dash, or in the lines below, indented by `least` or more. */
  function value(rest: string, offset: number, least: number): unknown {
    if (rest === '' || rest.startsWith('#')) {
      const indent = lines?.[at]?.indent ?? -1
      return indent >= least ? block(indent) : undefined
    }
    const held = scalar(rest)
    if (typeof held === 'object') offsets.set(held, offset)
    return held
  }

  /** Whether what follows belongs to something outside: else it would continue a value. */
  function ends(indent: number): boolean {
    return (lines?.[at]?.indent ?? -1) <= indent
  }
}

/** A key, and what stands behind it. */
const keyPattern = /^(?!(?:null|Null|NULL):)([A-Za-z$][A-Za-z0-9]*):(?: +(.*))?$/

function isItem(text: string): boolean {
  return text === '-' || text.startsWith('- ')
}

/** The lines that say something; undefined when the text holds what this reader does not know. */
function linesOf(text: string): Line[] | undefined {
  if (/[^\n -~\xa1-\u167f]/.test(text)) return undefined
  const lines: Line[] = []
  let start = 0
  for (const whole of text.split('\n')) {
    const indent = whole.search(/[^ ]/)
    if (indent >= 0 && whole[indent] !== '#') {
      lines.push({ indent, text: whole.slice(indent).trimEnd(), offset: start + indent })
    }
    start += whole.length + 1
  }
  return lines
}

/** A value on one line; undefined for what only looks like one. YAML 1.2 §10.3.2, core schema. */
function scalar(rest: string): string | number | boolean | object | undefined {
  const text = rest.replace(/^("[^"]*"|'[^']*'|[^"'][^#]*?) +#.*$/, '$1')
  if (text === 'true') return true
  if (text === 'false') return false
  if (text === '[]') return []
  if (text === '{}') return {}
  if (/^"(?:[^"\\]|\\["\\/bfnrt])*"$/.test(text)) return JSON.parse(text)
  if (/^'(?:[^']|'')*'$/.test(text)) return text.slice(1, -1).replaceAll("''", "'")
  if (/^(?:0|[1-9][0-9]{0,14})$/.test(text)) return Number(text)
  if (!/^[A-Za-z0-9_./+$(]/.test(text) || /: |:$| #/.test(text)) return undefined
  // Other spellings of numbers, booleans and null.
  if (/^[-+.0-9][0-9a-fox._+-]*$|^\.(?:inf|nan)$|^(?:true|false|null)$/i.test(text))
    return undefined
  return text
}
