/**
 * RFC 2047 encoded words, `=?utf-8?q?caf=C3=A9?=`, as text. Pure, never throws, linear: what can't be
 * decoded stays as it is.
 */

/** RFC 2047 §2 allows 75 characters; real mail has longer ones. */
const word = /=\?([^?\s]{1,60})\?([bBqQ])\?([^?\s]{0,2000})\?=/g

/** The text with its encoded words decoded; white space between two of them goes (§6.2). */
export function decodeWords(text: string): string {
  if (!text.includes('=?')) return text
  let decoded = ''
  let end = 0
  /** Words of one charset that follow each other: a character may be split between them (which §5 forbids). */
  let run: { readonly charset: string; readonly octets: Buffer[]; written: string } | undefined

  const flush = (): void => {
    if (run === undefined) return
    decoded += decode(Buffer.concat(run.octets), run.charset) ?? run.written
    run = undefined
  }
  for (const match of text.matchAll(word)) {
    const [written, charset = '', encoding = '', content = ''] = match
    const between = text.slice(end, match.index)
    const octets = octetsOf(encoding, content)
    if (octets === undefined) continue
    // RFC 2231 §5: the charset may have a language behind it.
    const name = charset.replace(/\*.*$/, '').toLowerCase()
    if (run !== undefined && run.charset === name && between.trim() === '') {
      run.octets.push(octets)
      run.written += `${between}${written}`
    } else {
      const joined = run !== undefined && between.trim() === ''
      flush()
      decoded += joined ? '' : between
      run = { charset: name, octets: [octets], written }
    }
    end = match.index + written.length
  }
  flush()
  return decoded + text.slice(end)
}

function octetsOf(encoding: string, content: string): Buffer | undefined {
  if (encoding === 'b' || encoding === 'B') {
    return /^[A-Za-z0-9+/]*={0,2}$/.test(content) ? Buffer.from(content, 'base64') : undefined
  }
  const octets = content
    .replaceAll('_', ' ')
    .replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
      String.fromCharCode(Number.parseInt(hex, 16)),
    )
  return Buffer.from(octets, 'latin1')
}

/** A decoded CR LF must not begin a new line wherever the text goes. */
function decode(octets: Buffer, charset: string): string | undefined {
  try {
    const text = new TextDecoder(charset, { fatal: true }).decode(octets)
    return text.replace(/[\x00-\x1f\x7f]/g, ' ')
  } catch {
    // An unknown charset, or octets that are none of its.
    return undefined
  }
}
