/**
 * Reads the YAML of a configuration file into plain values, and remembers where each stands.
 * `${NAME}` is replaced in values after parsing, so what a variable holds can never become YAML.
 * Never throws on a bad file: what is wrong with it is in `problems`. YAML 1.2, core schema.
 */
import * as yaml from 'yaml'
import { formatKey, type Key, type Problem } from './problem.ts'
import { isLiteralSecret } from './secrets.ts'

/** Aliases one file may use: more is a "billion laughs" of lists that grow by reference. */
const maxAliases = 100

/** Levels of nesting; the deepest option has five. Bounds the recursion below. */
const maxDepth = 32

/** Of what YAML finds wrong, one thing often makes all that follows wrong, token by token. */
const maxSyntaxProblems = 20

/** The parser's words where they are about programs rather than files. */
const words: Readonly<Record<string, string>> = {
  DUPLICATE_KEY: 'this key is here twice',
  MULTIPLE_DOCS: 'must be one YAML document, without ---',
  RESOURCE_EXHAUSTION: 'is nested too deep to be read',
}

export type Environment = Readonly<Record<string, string | undefined>>

export type Document = {
  readonly value: unknown
  readonly problems: readonly Problem[]
  /** Options that hold a secret in clear text rather than a `${NAME}`. */
  readonly literalSecrets: readonly (readonly Key[])[]
  /** `line:column` of an option's value or of its key; of what surrounds it when it is not there. */
  readonly place: (path: readonly Key[], at: Problem['at']) => readonly [number, number]
}

export function readDocument(text: string, env: Environment): Document {
  const lines = new yaml.LineCounter()
  const syntax = { version: '1.2', schema: 'core', prettyErrors: false } as const
  const document = yaml.parseDocument(text, { lineCounter: lines, ...syntax })
  const broken = syntaxProblems(document, lines)
  if (broken.length > 0) return unreadable(broken)

  const problems: Problem[] = []
  const literalSecrets: (readonly Key[])[] = []
  const places = new Map<string, number>()
  let aliases = 0
  const refuse = (path: readonly Key[], reason: string, at: Problem['at'] = 'value'): void => {
    problems.push({ path, reason, at })
  }

  const convert = (node: unknown, path: readonly Key[]): unknown => {
    const start = rangeStart(node)
    if (start !== undefined) places.set(`value ${formatKey(path)}`, start)
    if (path.length > maxDepth) return refuse(path, `is nested more than ${maxDepth} levels deep`)
    if (yaml.isAlias(node)) {
      aliases += 1
      if (aliases <= maxAliases) return convert(node.resolve(document), path)
      if (aliases === maxAliases + 1) refuse(path, `uses more than ${maxAliases} aliases`)
      return undefined
    }
    if (yaml.isSeq(node)) return node.items.map((each, index) => convert(each, [...path, index]))
    if (yaml.isMap(node)) return convertMap(node, path)
    return convertScalar(yaml.isScalar(node) ? node.value : null, path)
  }

  const convertMap = (map: yaml.YAMLMap, path: readonly Key[]): Record<string, unknown> => {
    const object: Record<string, unknown> = {}
    for (const { key, value } of map.items) {
      const name = yaml.isScalar(key) ? (key.source ?? '') : ''
      const at = [...path, name]
      places.set(`key ${formatKey(at)}`, rangeStart(key) ?? 0)
      // zod's records pass over __proto__ in silence, and assigning it would change the object.
      if (name === '') refuse(at, 'a key must be a text', 'key')
      else if (name === '__proto__') refuse(at, 'unknown key', 'key')
      else if (Object.hasOwn(object, name)) refuse(at, 'this key is here twice', 'key')
      else object[name] = convert(value, at)
    }
    return object
  }

  const convertScalar = (value: unknown, path: readonly Key[]): unknown => {
    if (typeof value !== 'string') return value
    // In a list it is the list that has the name.
    const name = path.findLast((each) => typeof each === 'string')
    if (isLiteralSecret(name, value)) literalSecrets.push(path)
    return substitute(value, env, (reason) => refuse(path, reason))
  }

  const value = convert(document.contents, []) ?? {}
  const place = (path: readonly Key[], at: Problem['at']): readonly [number, number] => {
    const own = at === 'key' ? places.get(`key ${formatKey(path)}`) : undefined
    for (let length = path.length; own === undefined && length > 0; length -= 1) {
      const offset = places.get(`value ${formatKey(path.slice(0, length))}`)
      if (offset !== undefined) return position(lines, offset)
    }
    return position(lines, own ?? places.get('value ') ?? 0)
  }
  return { value, problems, literalSecrets, place }
}

function syntaxProblems(document: yaml.Document.Parsed, lines: yaml.LineCounter): Problem[] {
  const errors = [...document.errors, ...document.warnings]
  // Nested too deep for the parser's stack: whatever else it says of the file comes from that.
  const exhausted = errors.filter(({ code }) => code === 'RESOURCE_EXHAUSTION').slice(0, 1)
  const told = exhausted.length > 0 ? exhausted : errors.slice(0, maxSyntaxProblems)
  const problems = told.map(({ code, message, pos }): Problem => {
    return { path: [], reason: words[code] ?? message, at: 'value', place: position(lines, pos[0]) }
  })
  if (document.directives.yaml.version === '1.2') return problems
  return [...problems, { path: [], reason: 'must be YAML 1.2', at: 'value' }]
}

function unreadable(problems: readonly Problem[]): Document {
  return { value: undefined, problems, literalSecrets: [], place: () => [1, 1] }
}

function position(lines: yaml.LineCounter, offset: number): readonly [number, number] {
  const { line, col } = lines.linePos(offset)
  return [Math.max(line, 1), Math.max(col, 1)]
}

function rangeStart(node: unknown): number | undefined {
  return yaml.isNode(node) ? node.range?.[0] : undefined
}

/** `${NAME}` becomes the variable's value, `$${` a literal `${`. */
function substitute(text: string, env: Environment, refuse: (reason: string) => void): string {
  return text.replace(/\$\$\{|\$\{(?:([A-Za-z_][A-Za-z0-9_]*)\})?/g, (whole, name?: string) => {
    if (whole === '$${') return '${'
    if (name === undefined) {
      refuse(
        `has a "\${" that names no variable: write \${NAME}, or $\${ for the characters themselves`,
      )
    } else {
      // An own name only: `${constructor}` is no variable of an object that has one above it.
      const value = Object.hasOwn(env, name) ? env[name] : undefined
      if (value !== undefined) return value
      refuse(`the environment variable ${name} is not set`)
    }
    return whole
  })
}
