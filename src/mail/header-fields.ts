/**
 * The fields of a header section, in order, folds undone. For people and rules, not for hashing: values
 * are text. Pure, never throws, linear in the section. RFC 5322 §2.2
 */

export type Field = { readonly name: string; readonly value: string }

/** `header`: with or without the empty line that ends it. Lines that are no field are passed over. */
export function headerFields(header: Uint8Array): readonly Field[] {
  const octets = Buffer.from(header.buffer, header.byteOffset, header.byteLength)
  const fields: Field[] = []
  // Byte for character, so that no charset can move a line end.
  for (const line of unfolded(octets.toString('latin1'))) {
    const colon = line.indexOf(':')
    // RFC 5322 §3.6.8; white space before the colon is obsolete (§4.5) and still around.
    const name = line.slice(0, Math.max(0, colon)).trimEnd()
    if (!/^[!-9;-~]+$/.test(name)) continue
    fields.push({ name, value: textOf(line.slice(colon + 1)).trim() })
  }
  return fields
}

/** A fold, with the white space around it, becomes one space. */
function* unfolded(section: string): Generator<string> {
  let pieces: string[] = []
  for (const line of section.split(/\r?\n/)) {
    if (line === '') break
    if (/^[ \t]/.test(line)) {
      if (pieces.length > 0) pieces.push(line.trim())
      continue
    }
    if (pieces.length > 0) yield pieces.join(' ')
    pieces = [line.trimEnd()]
  }
  if (pieces.length > 0) yield pieces.join(' ')
}

const utf8 = new TextDecoder('utf-8', { fatal: true })

/** UTF-8 where it is that (RFC 6532), else each octet a character, so that nothing is lost. */
function textOf(latin1: string): string {
  if (!/[\x80-\xff]/.test(latin1)) return latin1
  try {
    return utf8.decode(Buffer.from(latin1, 'latin1'))
  } catch {
    // Some old charset that nothing names.
    return latin1
  }
}
