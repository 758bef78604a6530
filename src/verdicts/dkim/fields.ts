/**
 * The header section as signatures see it: each field with its folds, octet for octet, and its relaxed form.
 * Pure, linear. RFC 6376 §3.4.2
 */

export type RawField = {
  /** Lower case. */
  readonly name: string
  /** latin1: an octet is a character. Lines are joined by CR LF; there is none at the end. */
  readonly line: string
}

/** RFC 5322 §3.6.8, and white space before the colon (§4.5.8). */
const fieldStart = /^[!-9;-~]+[ \t]*:/
const nameAlone = /^[!-9;-~]+[ \t]*$/
const colonAlone = /^[ \t]+:/

/**
 * `header`: with or without the empty line that ends it. A line that neither begins a field nor is a fold
 * belongs to the field above it: readers differ in what they make of it, and so no signature of that field is valid.
 */
export function rawFields(header: Buffer): readonly RawField[] {
  const text = header.toString('latin1')
  const fields: RawField[] = []
  let field: string[] = []
  const flush = (): void => {
    if (field.length > 0) fields.push(fieldOf(field.join('\r\n')))
  }
  const lines = text.split(/\r?\n/)
  for (const [index, line] of lines.entries()) {
    if (line === '') break
    const starts =
      fieldStart.test(line) || (nameAlone.test(line) && colonAlone.test(lines[index + 1] ?? ''))
    if (starts || field.length === 0) {
      flush()
      field = [line]
    } else field.push(line)
  }
  flush()
  return fields
}

function fieldOf(line: string): RawField {
  const colon = line.indexOf(':')
  return {
    name: line
      .slice(0, colon < 0 ? line.length : colon)
      .replace(/\r\n/g, '')
      .trim()
      .toLowerCase(),
    line,
  }
}

/** What follows the colon, folds and all, latin1. */
export function contentOf({ line }: RawField): string {
  return line.slice(line.indexOf(':') + 1)
}

/** RFC 6376 §3.4.2; SP and HTAB are all the white space there is. Without a CR LF at its end. */
export function relaxedField({ name, line }: RawField): string {
  const value = line
    .slice(line.indexOf(':') + 1)
    .replace(/\r?\n/g, '')
    .replace(/[ \t]+/g, ' ')
  const start = value.startsWith(' ') ? 1 : 0
  return `${name}:${value.slice(start, value.length > start && value.endsWith(' ') ? -1 : undefined)}`
}

/**
 * RFC 6376 §5.4.2: of each name in `h=` the last field that is not taken yet; a name without one signs
 * that there is none.
 */
export function signedFields(
  fields: readonly RawField[],
  names: readonly string[],
): readonly RawField[] {
  /** Fields of each name, in order; those behind the number are taken. */
  const left = new Map<string, RawField[]>()
  for (const field of fields) {
    const same = left.get(field.name)
    if (same === undefined) left.set(field.name, [field])
    else same.push(field)
  }
  return names.flatMap((name) => left.get(name)?.pop() ?? [])
}
