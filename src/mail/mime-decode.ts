/**
 * Undoes the content transfer encodings (RFC 2045 §6.7, §6.8; uuencode) line by line, as leniently as
 * a reader's mail program would, and tells where it had to guess. Pure; memory is that of one line.
 */

export type Decoder = {
  /** One line without its line end; `last` when the line goes on in the next call. */
  readonly line: (octets: Buffer, partial: boolean) => Buffer
  readonly end: () => Buffer
  /**
   * Where the lines from `at` on stop to be such that nothing is to be doubted of them and none is left in part: for who
   * does not want what is in them. Nothing may have been given in part before.
   */
  readonly pass: (octets: Buffer, at: number) => number
  /** What was met that another reader may take otherwise. */
  readonly doubts: ReadonlySet<string>
}

const empty = Buffer.alloc(0)
const lineEnd = Buffer.from('\r\n')

export function decoderFor(encoding: string): Decoder {
  if (encoding === 'base64') return base64()
  if (encoding === 'quoted-printable') return quotedPrintable()
  return identity()
}

function identity(): Decoder {
  return {
    line: (octets, partial) => (partial ? octets : Buffer.concat([octets, lineEnd])),
    end: () => empty,
    pass: (_octets, at) => at,
    doubts: new Set(),
  }
}

/** RFC 2045 §6.8: the longest line, and what nearly all lines are. */
const base64Line = 76
/** 1 for what is not of the alphabet. */
const isOther = Uint8Array.from({ length: 256 }, (_, octet) =>
  /[A-Za-z0-9+/]/.test(String.fromCharCode(octet)) ? 0 : 1,
)
const other = (octets: Buffer, at: number): number => isOther[octets[at] as number] as number

/** Behind the lines from `at` on that are as long as may be, end in CR LF and have nothing but the alphabet. */
function behindFullLines(octets: Buffer, at: number): number {
  for (let from = at; ; from += base64Line + 2) {
    const end = from + base64Line
    if (octets[end] !== 0x0d || octets[end + 1] !== 0x0a) return from
    let others = 0
    // Four at once, and one branch a line: a third less than octet by octet.
    for (let index = from; index < end; index += 4)
      others |=
        other(octets, index) |
        other(octets, index + 1) |
        other(octets, index + 2) |
        other(octets, index + 3)
    if (others > 0) return from
  }
}

function base64(): Decoder {
  const doubts = new Set<string>()
  let rest = ''
  let padded = false
  return {
    doubts,
    pass: (octets, at) => (rest === '' && !padded ? behindFullLines(octets, at) : at),
    line(octets) {
      const text = octets.toString('latin1')
      // Nearly every line: nothing to doubt, and nothing left over.
      if (rest === '' && !padded && text.length % 4 === 0 && /^[A-Za-z0-9+/]*$/.test(text)) {
        return Buffer.from(text, 'base64')
      }
      const plain = text.replace(/[^A-Za-z0-9+/=]/g, '')
      if (plain.length !== text.replace(/[ \t\r]/g, '').length) doubts.add('base64-garbage')
      if (plain === '') return empty
      if (padded) doubts.add('base64-after-padding')
      if (/=/.test(plain)) {
        padded = true
        if (/=[^=]/.test(plain)) doubts.add('base64-after-padding')
      }
      // A new start after padding, as readers do that decode piece by piece.
      const all = rest + plain
      if (padded) {
        rest = ''
        return Buffer.concat(all.split(/(?<==)(?!=)/).map((each) => Buffer.from(each, 'base64')))
      }
      const whole = all.length - (all.length % 4)
      rest = all.slice(whole)
      return Buffer.from(all.slice(0, whole), 'base64')
    },
    end() {
      const last = Buffer.from(rest, 'base64')
      rest = ''
      return last
    },
  }
}

function quotedPrintable(): Decoder {
  let rest = ''
  return {
    doubts: new Set(),
    pass: (_octets, at) => at,
    line(octets, partial) {
      const text = rest + octets.toString('latin1')
      rest = ''
      if (partial) {
        // A sequence may be cut in two.
        const cut = /=[0-9A-Fa-f]?$/.exec(text)
        rest = cut?.[0] ?? ''
        return decoded(text.slice(0, text.length - rest.length))
      }
      const stripped = text.replace(/[ \t]+$/, '')
      return stripped.endsWith('=')
        ? decoded(stripped.slice(0, -1))
        : Buffer.concat([decoded(stripped), lineEnd])
    },
    end() {
      const last = decoded(rest)
      rest = ''
      return last
    },
  }
}

function decoded(text: string): Buffer {
  const plain = text.replace(/=([0-9A-Fa-f]{2})/g, (_all, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(plain, 'latin1')
}

/** One line between `begin` and `end` of uuencode (POSIX uuencode, historical algorithm). */
export function uudecodedLine(octets: Buffer): Buffer {
  const length = ((octets[0] ?? 32) - 32) & 63
  const out = Buffer.alloc(Math.ceil(length / 3) * 3)
  for (let from = 1, to = 0; to < length; from += 4, to += 3) {
    const [a = 0, b = 0, c = 0, d = 0] = [0, 1, 2, 3].map(
      (index) => ((octets[from + index] ?? 32) - 32) & 63,
    )
    out.set(
      [(a << 2) | (b >> 4), (b << 4) | (c >> 2), (c << 6) | d].map((each) => each & 255),
      to,
    )
  }
  return out.subarray(0, length)
}
