/**
 * A rule-set file's text as plain data, with the line and column of everything in it. JSON and YAML
 * 1.2 (core schema: `Yes` and `on` are words, not booleans). Never throws on what a file may hold.
 */
import {
  type Document,
  isAlias,
  isMap,
  isScalar,
  isSeq,
  LineCounter,
  type Node,
  parseDocument,
} from 'yaml'

/** Where in the data: keys and list places from the top. */
export type Path = readonly (string | number)[]

export type Problem = {
  readonly path: Path
  /** The end of a sentence about what `path` names. */
  readonly reason: string
  /** Whether it is the key that is wrong, or what it holds. */
  readonly at?: 'key' | 'value'
  /** Where in the text, when the problem was found there and not in the data. */
  readonly offset?: number
}

export type Source = {
  readonly data: unknown
  /** Whether `data` is what the text says, so that looking further makes sense. */
  readonly legible: boolean
  readonly problems: readonly Problem[]
  /** `line:column`, both from 1. */
  readonly locate: (problem: Problem) => string
}

/** Reads text of a file. `maxAliases` bounds the YAML aliases followed. */
export function readSource(text: string, format: 'json' | 'yaml', maxAliases: number): Source {
  const lines = new LineCounter()
  const document = parseDocument(text.replace(/^\uFEFF/, ''), {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error', // the library's 'silent' would also hide a second document
  })
  const locate = (problem: Problem): string => {
    const { line, col } = lines.linePos(problem.offset ?? offsetOf(document, problem))
    return `${line}:${col}`
  }
  // Strict JSON first: YAML would forgive a comment or a trailing comma that other tools do not.
  const syntax = format === 'json' ? jsonProblem(text) : undefined
  if (syntax !== undefined) {
    return { data: undefined, legible: false, problems: [syntax], locate }
  }
  // An unknown tag is a warning to the library; we would read what the author did not mean.
  const problems = [...document.errors, ...document.warnings].map(
    ({ code, message, pos }): Problem => ({
      path: pathAt(document.contents, pos[0]),
      reason: code === 'DUPLICATE_KEY' ? 'is there twice' : `cannot be read: ${message}`,
      offset: pos[0],
    }),
  )
  try {
    // The first of two equal keys may still have problems of its own.
    const legible = document.errors.every(({ code }) => code === 'DUPLICATE_KEY')
    return { data: document.toJS({ maxAliasCount: maxAliases }), legible, problems, locate }
  } catch (error) {
    // Too many aliases, or one without an anchor.
    const reason = `cannot be read: ${error instanceof Error ? error.message : String(error)}`
    return {
      data: undefined,
      legible: false,
      problems: [...problems, { path: [], reason }],
      locate,
    }
  }
}

function jsonProblem(text: string): Problem | undefined {
  try {
    JSON.parse(text.replace(/^\uFEFF/, ''))
    return undefined
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const offset = Number(/ at position (\d+)/.exec(message)?.[1] ?? 0)
    return { path: [], reason: `is not JSON: ${message}`, offset }
  }
}

type Place = { readonly key?: unknown; readonly value: unknown }

/** Where a path leads; where it leads nowhere (a missing key), the last thing on the way. */
function offsetOf(document: Document.Parsed, { path, at }: Problem): number {
  let place: Place = { value: document.contents }
  for (const step of path) {
    const next = child(isAlias(place.value) ? place.value.resolve(document) : place.value, step)
    if (next === undefined) break
    place = next
  }
  const { key, value } = place
  return (at === 'key' ? undefined : startOf(value)) ?? startOf(key) ?? startOf(value) ?? 0
}

function child(node: unknown, step: string | number): Place | undefined {
  if (isSeq(node))
    return Number(step) < node.items.length ? { value: node.items[Number(step)] } : undefined
  if (!isMap(node)) return undefined
  return node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
}

/** The keys and list places around an offset in the text. */
function pathAt(node: unknown, offset: number): Path {
  if (isSeq(node)) {
    const place = node.items.findIndex((item) => covers(item, offset))
    return place < 0 ? [] : [place, ...pathAt(node.items[place], offset)]
  }
  if (!isMap(node)) return []
  const pair = node.items.find(({ key, value }) => covers(key, offset) || covers(value, offset))
  return pair === undefined ? [] : [String(pair.key), ...pathAt(pair.value, offset)]
}

function covers(node: unknown, offset: number): boolean {
  const range = (node as Node | null | undefined)?.range
  return range !== null && range !== undefined && range[0] <= offset && offset < range[2]
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}
