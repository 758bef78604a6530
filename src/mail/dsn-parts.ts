/** The parts of a bounce message as MIME has them: in the plainest encoding that keeps them. Pure. RFC 2045 §6 */
import { quotedPrintable } from './quoted-printable.ts'

/** `octets`: lines that end in CRLF. */
export type Part = { readonly type: string; readonly octets: Buffer }

/** A part with its fields, up to the boundary behind it. `utf8`: whether that may go as it is. */
export function bodyPart(
  { type, octets }: Part,
  utf8: boolean,
): { readonly octets: Buffer; readonly eightBit: boolean } {
  const encoding = encodingFor(octets, utf8)
  const fields = [
    `Content-Type: ${type}`,
    ...(encoding === '7bit' ? [] : [`Content-Transfer-Encoding: ${encoding}`]),
  ]
  const body = encoding === 'quoted-printable' ? Buffer.from(quotedPrintable(octets)) : octets
  return {
    octets: Buffer.concat([
      Buffer.from(`${fields.join('\r\n')}\r\n\r\n`),
      body,
      // Belongs to the boundary (RFC 2046 §5.1.1).
      Buffer.from('\r\n'),
    ]),
    eightBit: encoding === '8bit',
  }
}

/** RFC 6522 §4, RFC 6533 §4: a header section that is not fit to travel may be quoted-printable. */
function encodingFor(octets: Buffer, utf8: boolean): '7bit' | '8bit' | 'quoted-printable' {
  const text = octets.toString('latin1')
  // RFC 5322 §2.1.1, RFC 2045 §2.8; the longest line this server takes is longer.
  if (/[^\r\n]{999}|\x00|\r(?!\n)|(?<!\r)\n/.test(text)) return 'quoted-printable'
  if (isAscii(text)) return '7bit'
  return utf8 && isUtf8(octets) ? '8bit' : 'quoted-printable'
}

export function isAscii(text: string): boolean {
  return !/[^\x00-\x7f]/.test(text)
}

const decoder = new TextDecoder('utf-8', { fatal: true })

function isUtf8(octets: Uint8Array): boolean {
  try {
    decoder.decode(octets)
    return true
  } catch {
    return false
  }
}

/** RFC 6533 §3, utf-8-addr-xtext: an address beyond ASCII, in ASCII. */
export function quotedUnicode(address: string): string {
  return address.replace(
    /[^!-~]|[\\+=]/gu,
    (each) => `\\x{${(each.codePointAt(0) ?? 0).toString(16).toUpperCase().padStart(2, '0')}}`,
  )
}
