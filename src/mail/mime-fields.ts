/**
 * The MIME fields of one header section (RFC 2045 §5–6, RFC 2183): what the part is, and what in them two
 * careful programs may read differently. Scanners are passed by on exactly such spots (pitfalls B11, B12,
 * P56), so that nothing is repaired silently: every reading is kept, and every doubt is told. Pure.
 */

/** What a header section says of its part. */
export type PartFields = {
  /** Lower-case `type/subtype`; text/plain where nothing readable is said (RFC 2045 §5.2). */
  readonly type: string
  /** All that could be meant; more than one is ambiguous. Empty unless the part is a multipart. */
  readonly boundaries: readonly string[]
  /** Lower case; `7bit` where nothing is said. */
  readonly encoding: string
  readonly name?: string
  readonly isAttachment: boolean
  /** Machine-readable, kebab-case. */
  readonly ambiguous: readonly string[]
  readonly unusual: readonly string[]
}

type Field = { readonly name: string; readonly value: string }

/** RFC 2045 §5.1 allows comments anywhere; what stands between parentheses is no part of a name. */
const comments = /\([^()]*\)/g

/** Where a line ended within a folded field; white space to all but a quoted boundary. */
const fold = '\x01'

/** `section`: the octets of the header as latin1, with or without the empty line. */
export function readFields(section: string, isTop: boolean): PartFields {
  const ambiguous = new Set<string>()
  const unusual = new Set<string>()
  const mime: Field[] = []
  for (const line of unfolded(section)) {
    const colon = line.indexOf(':')
    const written = colon < 0 ? line : line.slice(0, colon)
    const name = written.replace(comments, '').replace(comments, '').trim().toLowerCase()
    if (colon < 0) {
      // `From ` of an mbox file, or a body that begins without an empty line.
      if (isTop) unusual.add('line-without-colon')
      else ambiguous.add('line-without-colon')
      continue
    }
    if (!mimeNames.has(name)) {
      // Some readers skip what cannot be in a name, and then it is one.
      if (mimeNames.has(name.replace(/[^!-9;-~]/g, ''))) ambiguous.add('odd-field-name')
      continue
    }
    if (written.toLowerCase() !== name) ambiguous.add('odd-field-name')
    if (mime.some((each) => each.name === name)) ambiguous.add(`duplicate-${name}`)
    mime.push({ name, value: line.slice(colon + 1) })
  }

  const types = valuesOf(mime, 'content-type').map((value) => readValue(value))
  const [first] = types
  const multipart = types.some(({ word }) => word.startsWith('multipart/'))
  const type = multipart
    ? (types.find(({ word }) => word.startsWith('multipart/'))?.word ?? '')
    : typeOf(first?.word, unusual)
  const parameters = types.flatMap((each) => each.parameters)
  const boundaries = multipart ? boundariesOf(parameters, ambiguous) : []
  if (multipart) {
    if (types.some(({ odd }) => odd)) ambiguous.add('odd-content-type')
  } else if (types.some(({ odd }) => odd)) unusual.add('odd-content-type')

  const encodings = valuesOf(mime, 'content-transfer-encoding').map((value) =>
    value.replaceAll(fold, ' ').trim().toLowerCase(),
  )
  const encoding = encodingOf(encodings, { multipart, type }, ambiguous, unusual)

  const dispositions = valuesOf(mime, 'content-disposition').map((value) => readValue(value))
  const name = nameOf([...dispositions.flatMap((each) => each.parameters), ...parameters])
  const attached = dispositions.some(({ word }) => word !== '' && word !== 'inline')
  const isText = type === 'text/plain' || type === 'text/html'
  return {
    type,
    boundaries,
    encoding,
    ...(name === undefined ? {} : { name }),
    isAttachment: !multipart && (attached || name !== undefined || !isText),
    ambiguous: [...ambiguous],
    unusual: [...unusual],
  }
}

const mimeNames = new Set(['content-type', 'content-transfer-encoding', 'content-disposition'])

function unfolded(section: string): string[] {
  return section
    .replace(/\r\n(?=[ \t])/g, fold)
    .split('\r\n')
    .filter((line) => line.replaceAll(fold, '').trim() !== '')
}

function valuesOf(fields: readonly Field[], name: string): string[] {
  return fields.filter((each) => each.name === name).map(({ value }) => value)
}

function typeOf(word: string | undefined, unusual: Set<string>): string {
  if (word === undefined) return 'text/plain'
  if (/^[^\s/]+\/[^\s/]+$/.test(word)) return word
  unusual.add('malformed-type')
  return 'text/plain'
}

type Parameter = { readonly name: string; readonly value: string; readonly quoted: boolean }
type Value = {
  /** What stands before the first semicolon, lower case, without comments. */
  readonly word: string
  readonly parameters: readonly Parameter[]
  /** Whether something in it is no parameter, or a comment is nested or has no end. */
  readonly odd: boolean
}

/** RFC 2045 §5.1: `word; name=value; name="value"`. */
function readValue(text: string): Value {
  const { pieces, odd: oddPieces } = pieceByPiece(text)
  const [word = '', ...rest] = pieces
  let odd = oddPieces
  const parameters: Parameter[] = []
  for (const piece of rest) {
    if (piece.trim() === '') continue
    const match = /^\s*([^\s="]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s"]+))\s*$/s.exec(piece)
    if (match === null) {
      odd = true
      // The way a lenient reader takes it: all up to white space.
      const loose = /^\s*([^\s="]+)\s*=\s*"?([^\s"]*)/s.exec(piece)
      if (loose !== null) {
        parameters.push({ name: lower(loose[1]), value: loose[2] ?? '', quoted: false })
      }
      continue
    }
    parameters.push({
      name: lower(match[1]),
      value: match[2] ?? match[3] ?? '',
      quoted: match[2] !== undefined,
    })
  }
  return { word: word.trim().toLowerCase(), parameters, odd: odd || word.includes('=?') }
}

const lower = (text: string | undefined): string => (text ?? '').toLowerCase()

/** The text between semicolons that are in no quotes and no comment; comments and folds are spaces. */
function pieceByPiece(text: string): { pieces: string[]; odd: boolean } {
  const pieces = ['']
  let depth = 0
  let quoted = false
  let odd = false
  const add = (more: string): void => {
    pieces[pieces.length - 1] += more
  }
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === '\\' && (quoted || depth > 0)) {
      if (quoted) add(text.slice(at, at + 2))
      at += 1
    } else if (depth > 0) {
      if (character === '(') {
        odd = true
        depth += 1
      } else if (character === ')') depth -= 1
    } else if (character === '"') {
      quoted = !quoted
      add(character)
    } else if (quoted) add(character)
    else if (character === '(') {
      depth = 1
      add(' ')
    } else if (character === ';') pieces.push('')
    else add(character === fold ? ' ' : character)
  }
  return { pieces, odd: odd || depth > 0 || quoted }
}

/** More than two readings nobody has; a field of thousands would make every line be compared with each. */
const maxBoundaries = 3

/** RFC 2046 §5.1.1. */
function boundariesOf(parameters: readonly Parameter[], ambiguous: Set<string>): string[] {
  const found = parameters.filter(({ name }) => /^boundary(\*.*)?$/.test(name))
  if (found.length > 1) ambiguous.add('several-boundaries')
  if (found.some(({ name }) => name !== 'boundary')) ambiguous.add('odd-boundary')
  const values = [...new Set(found.map(({ value }) => value))].slice(0, maxBoundaries)
  if (values.length === 0 || values.includes('')) ambiguous.add('no-boundary')
  for (const value of values) {
    if (value.length > 70 || /[^ -~]|[\\"]| $|=\?.*\?=/.test(value)) ambiguous.add('odd-boundary')
  }
  return values.filter((each) => each !== '').map((each) => each.replace(/[\x01\s]+$/, ''))
}

const plainEncodings = ['7bit', '8bit', 'binary']
const knownEncodings = [...plainEncodings, 'base64', 'quoted-printable']
const uuencodings = ['x-uuencode', 'x-uue', 'uuencode']

function encodingOf(
  found: readonly string[],
  { multipart, type }: { readonly multipart: boolean; readonly type: string },
  ambiguous: Set<string>,
  unusual: Set<string>,
): string {
  // Of two the one that hides most: what it hides is to be seen.
  const encoding = found.find((each) => each.includes('base64')) ?? found[0] ?? '7bit'
  const composite = multipart || type.startsWith('message/')
  if (composite && !plainEncodings.includes(encoding)) ambiguous.add('encoded-composite')
  else if (!knownEncodings.includes(encoding)) {
    if (/base64|quoted-printable/.test(encoding)) ambiguous.add('odd-encoding')
    else if (!uuencodings.includes(encoding)) unusual.add('unknown-encoding')
  }
  return encoding.includes('base64')
    ? 'base64'
    : encoding.includes('quoted-printable')
      ? 'quoted-printable'
      : encoding
}

/** RFC 2183 §2.3, RFC 2045; in RFC 2231's pieces too. For people: undecoded, cut, one line. */
function nameOf(parameters: readonly Parameter[]): string | undefined {
  const pieces = parameters.filter(({ name }) => /^(file)?name(\*\d*\*?)?$/.test(name))
  if (pieces.length === 0) return undefined
  return pieces
    .map(({ value }) => value)
    .join('')
    .replace(/[\x00-\x1f\x7f]/g, '?')
    .slice(0, 255)
}
