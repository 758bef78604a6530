/** Text from the network or a file name made harmless on a terminal and in a log. Pure. */

/**
 * C0 and C1 controls, which terminals obey; line separators, which begin a line; and what turns the
 * direction of reading, so that a text looks like another (Unicode Technical Report 36 §3.2).
 */
const unsafe = /[\x00-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g

/** Controls become visible. */
export function printable(text: string): string {
  return text.replace(unsafe, (each) => {
    const code = each.charCodeAt(0)
    return code < 0x100 ? `\\x${hex(code, 2)}` : `\\u${hex(code, 4)}`
  })
}

/** The same JSON, with escapes for what JSON lets stand. */
export function printableJson(json: string): string {
  return json.replace(unsafe, (each) => `\\u${hex(each.charCodeAt(0), 4)}`)
}

function hex(code: number, digits: number): string {
  return code.toString(16).padStart(digits, '0')
}
