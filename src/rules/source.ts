/**
 * A rule-set file's text as plain data, with the line and column of everything in it. JSON and YAML
 * 1.2 (core schema: `Yes` and `on` are words, not booleans). Never throws on what a file may hold.
 */
import { type Alias, type Document, LineCounter, parseDocument, visit } from 'yaml'
import { printable } from '../printable.ts'
import { plainOffset, readPlain } from './plain.ts'
import { offsetOf, type Path, pathAt } from './positions.ts'

export type Problem = {
  readonly path: Path
  /** The end of a sentence about what `path` names. */
  readonly reason: string
  /** Whether it is the key that is wrong, or what it holds. */
  readonly at?: 'key' | 'value'
  /** Where in the text, when the problem was found there and not in the data. */
  readonly offset?: number
}

export type Format = 'json' | 'yaml'

export type Source = {
  readonly data: unknown
  /** Whether `data` is what the text says, so that looking further makes sense. */
  readonly legible: boolean
  readonly problems: readonly Problem[]
  /** Both from 1. */
  readonly locate: (problem: Problem) => { readonly line: number; readonly column: number }
}

/** Reads the text of a file. `maxAliases` bounds the YAML aliases followed. */
export function readSource(text: string, format: Format, maxAliases: number): Source {
  const whole = text.replace(/^\uFEFF/, '')
  const plain = readPlain(whole, format)
  if (plain === undefined) return readDocument(whole, format, maxAliases)
  let lines: LineCounter | undefined
  let document: Source | undefined
  return {
    data: plain.data,
    legible: true,
    problems: [],
    locate(problem) {
      const offset = problem.at === 'key' ? undefined : plainOffset(plain, problem.path)
      if (offset === undefined) {
        document ??= readDocument(whole, format, maxAliases)
        return document.locate(problem)
      }
      lines ??= lineCounter(whole)
      const { line, col } = lines.linePos(offset)
      return { line, column: col }
    },
  }
}

/** The same by the library, which knows all of YAML and where everything stands. */
export function readDocument(plain: string, format: Format, maxAliases: number): Source {
  const lines = new LineCounter()
  // White space to JSON, and to the YAML library a part of what stands behind it.
  const document = parseDocument(format === 'json' ? plain.replace(/\r(?!\n)/g, ' ') : plain, {
    lineCounter: lines,
    prettyErrors: false,
    logLevel: 'error', // the library's 'silent' would also hide a second document
  })
  const locate: Source['locate'] = (problem) => {
    const { line, col } = lines.linePos(
      problem.offset ?? offsetOf(document, problem.path, problem.at ?? 'value'),
    )
    return { line, column: col }
  }
  // Strict JSON first: YAML would forgive a comment or a trailing comma that other tools do not.
  const syntax = format === 'json' ? jsonProblems(plain) : []
  const problems = syntax.length > 0 ? syntax : yamlProblems(document, maxAliases)
  // Equal keys leave the rest readable, and there may be more to say about it.
  const legible = problems.every(({ path }) => path.length > 0)
  if (!legible) return { data: undefined, legible, problems, locate }
  try {
    return { data: document.toJS({ maxAliasCount: maxAliases }), legible, problems, locate }
  } catch {
    // Few aliases, of aliases of aliases: the library stops counting what they would become.
    const bomb = { path: [], reason: tooManyAliases(maxAliases) }
    return { data: undefined, legible: false, problems: [...problems, bomb], locate }
  }
}

function lineCounter(text: string): LineCounter {
  const lines = new LineCounter()
  lines.addNewLine(0)
  for (const { index } of text.matchAll(/\n/g)) lines.addNewLine(index + 1)
  return lines
}

function yamlProblems(document: Document.Parsed, maxAliases: number): Problem[] {
  // An unknown tag is a warning to the library; we would read what the author did not mean.
  const problems = [...document.errors, ...document.warnings].map(({ code, message, pos }) => {
    const offset = pos[0]
    if (code === 'DUPLICATE_KEY') {
      return { path: pathAt(document.contents, offset), reason: 'is there twice', offset }
    }
    const reason = code === 'MULTIPLE_DOCS' ? 'there is a second document' : message
    return { path: [], reason: `cannot be read: ${reason}`, offset }
  })
  if (document.errors.length > 0) return problems
  const aliases: Alias.Parsed[] = []
  visit(document, { Alias: (_key, alias) => void aliases.push(alias as Alias.Parsed) })
  const surplus = aliases[maxAliases]
  if (surplus !== undefined) {
    return [...problems, { path: [], reason: tooManyAliases(maxAliases), offset: surplus.range[0] }]
  }
  const dangling = aliases.filter((alias) => alias.resolve(document) === undefined)
  return [
    ...problems,
    ...dangling.map(({ source, range }) => ({
      path: [],
      reason: `cannot be read: *${source} has no anchor &${source} before it`,
      offset: range[0],
    })),
  ]
}

function tooManyAliases(limit: number): string {
  return `follows more than ${limit} YAML aliases; the limit is ${limit}`
}

function jsonProblems(text: string): Problem[] {
  try {
    JSON.parse(text)
    return []
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error)
    const [where, offset] = / in JSON at position (\d+).*$/s.exec(message) ?? ['', '0']
    const reason = `is not JSON: ${message.replace(where, '')}`
    return [{ path: [], reason, offset: Number(offset) }]
  }
}

/** One line per problem, in the order of the file. */
export function linesFor(file: string, source: Source, problems: readonly Problem[]): string[] {
  return problems
    .map((problem) => ({ problem, ...source.locate(problem) }))
    .sort((one, other) => one.line - other.line || one.column - other.column)
    .map(({ problem, line, column }) => {
      const text = `${file}:${line}:${column}: ${spellPath(problem.path)}: ${problem.reason}`
      // Keys come from the file and may hold anything; a line must stay one line.
      return printable(text)
    })
}

/** `Rules[0].Actions[1].S3Action`; the whole file is `document`. */
function spellPath(path: Path): string {
  const spelt = path.map((step) => (typeof step === 'number' ? `[${step}]` : `.${step}`)).join('')
  return spelt === '' ? 'document' : spelt.replace(/^\./, '')
}
