/**
 * Header fields as a reader sees them (RFC 5322 §2.2). Pure. Bytes in, unfolded text out; nothing is
 * decoded (RFC 2047) and nothing is believed: only the caller knows who wrote the bytes.
 */

/** `value` is unfolded and trimmed; UTF-8 where it is UTF-8, else one character per octet. */
export type Field = { readonly name: string; readonly value: string }

/** The fields in the order of the message, and a shortcut to the first of a name (any case). */
export type Headers = readonly Field[] & { readonly get: (name: string) => string | undefined }

const LF = 10
const CR = 13
/** RFC 5322 §3.6.8 field-name, and §4.5.3: white space may stand before the colon. */
const start = /^([\x21-\x39\x3b-\x7e]+)[ \t]*:/

/** The fields at the start of `bytes`, and where the first line is that belongs to none. */
export function parseFields(bytes: Uint8Array): {
  readonly fields: readonly Field[]
  readonly end: number
} {
  const fields: Field[] = []
  let at = 0
  while (at < bytes.length) {
    const end = endOfField(bytes, at)
    const name = start.exec(octets(bytes.subarray(at, Math.min(end, at + 1000))))
    if (name?.[1] === undefined) break
    fields.push({ name: name[1], value: unfolded(bytes.subarray(at + name[0].length, end)) })
    at = end
  }
  return { fields, end: at }
}

/** The fields of a message as received: up to the empty line, or the first line that is no field. */
export function headersOf(message: Uint8Array): Headers {
  const fields = [...parseFields(message).fields]
  const get = (name: string): string | undefined =>
    fields.find((each) => each.name.toLowerCase() === name.toLowerCase())?.value
  // Not enumerable: for JSON and comparisons it is a list.
  return Object.defineProperty(fields, 'get', { value: get }) as unknown as Headers
}

export function isWhiteSpace(octet: number | undefined): boolean {
  return octet === 0x20 || octet === 0x09
}

/** After the line break of the last line of the field that begins at `from`. */
export function endOfField(bytes: Uint8Array, from: number): number {
  for (let at = from; ; ) {
    const lineFeed = bytes.indexOf(LF, at)
    if (lineFeed === -1) return bytes.length
    at = lineFeed + 1
    if (!isWhiteSpace(bytes[at])) return at
  }
}

function unfolded(value: Uint8Array): string {
  let from = 0
  let to = value.length
  // By hand: a regular expression for the end takes quadratic time on a megabyte of spaces.
  while (to > 0 && isBlank(value[to - 1])) to--
  while (from < to && isBlank(value[from])) from++
  return decoded(value.subarray(from, to)).replace(/\r?\n(?=[ \t])/g, '')
}

function isBlank(octet: number | undefined): boolean {
  return isWhiteSpace(octet) || octet === CR || octet === LF
}

/** UTF-8 where it is UTF-8, else one character per octet. */
export function decoded(bytes: Uint8Array): string {
  try {
    return new TextDecoder('utf-8', { fatal: true, ignoreBOM: true }).decode(bytes)
  } catch {
    return octets(bytes)
  }
}

/** One character per octet. TextDecoder's latin1 is windows-1252, which would be another text. */
function octets(bytes: Uint8Array): string {
  let text = ''
  for (const octet of bytes) text += String.fromCharCode(octet)
  return text
}

/** The line that begins at `from`, without its CRLF, as one character per octet. */
export function lineAt(bytes: Uint8Array, from: number, lineFeed: number): string {
  const end = bytes[lineFeed - 1] === CR ? lineFeed - 1 : lineFeed
  return octets(bytes.subarray(from, Math.max(from, end)))
}
