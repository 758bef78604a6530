/** Quoted-printable, written: any octets as lines of ASCII. Pure. RFC 2045 §6.7 */

/** `octets`: lines that end in CRLF; they end there in the result too. */
export function quotedPrintable(octets: Uint8Array): string {
  const text = Buffer.from(octets.buffer, octets.byteOffset, octets.byteLength).toString('latin1')
  return text.split('\r\n').map(encodedLine).join('\r\n')
}

/** RFC 2045 §6.7 (5): at most 76 characters, the `=` of a soft line break with them. */
const most = 75

function encodedLine(line: string): string {
  // White space at the end of a line is what a gateway may take away.
  const safe = line.replace(/[^\t -<>-~]|[\t ]$/g, hexOf)
  let result = ''
  let length = 0
  for (const [piece] of safe.matchAll(/=..|[^=]/g)) {
    if (length + piece.length > most) {
      result += '=\r\n'
      length = 0
    }
    result += piece
    length += piece.length
  }
  return result
}

function hexOf(octet: string): string {
  return `=${octet.charCodeAt(0).toString(16).toUpperCase().padStart(2, '0')}`
}
