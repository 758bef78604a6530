/**
 * Reads what follows DATA, octet by octet as the wire gives it, and hands on the message exactly:
 * the end is CR LF . CR LF and nothing else (RFC 5321 §4.1.1.4), one leading dot of a line is removed
 * (§4.5.2), no other octet is touched. What can't be kept or passed on exactly is a fault, which is
 * found once and told after the end, so that the rest of the message is never taken for commands
 * (SMTP smuggling; pitfalls B6, P8). Pure but for the sink; one pass, no copies, no line is buffered.
 */

/** Of several faults the first in this list is told, so that how TCP cut the octets does not matter. */
const faults = [
  'no-memory', //        given up from outside: what all sessions hold is too much
  'bare-cr', //          CR without LF: another server may see a line end (RFC 5321 §2.3.8)
  'bare-lf', //          LF without CR: the same
  'nul', //              NUL ends strings in other people's C (RFC 5321 §4.5.2 note, RFC 5322 §4)
  'line-too-long', //    a line over `maxLineBytes`: what reads mail by lines would buffer it
  'header-too-large', // more lines or octets than any honest header section has
  'too-large', //        more octets than `maxMessageBytes`
] as const
export type Fault = (typeof faults)[number]

export type DataLimits = {
  readonly maxMessageBytes: number
  /** Of one line without its CR LF and without the dot that was stuffed (RFC 5321 §4.5.3.1.6). */
  readonly maxLineBytes: number
  readonly maxHeaderLines: number
  readonly maxHeaderBytes: number
}

export type DataReader = {
  /**
   * Takes the next octets from the wire. Returns the index just after the end of data when it is in
   * `chunk` (what follows are commands), else -1. Not to be called again after the end.
   */
  readonly feed: (chunk: Buffer) => number
  /** Nothing more is kept of the message, and what was kept of it here is let go. */
  readonly giveUp: () => void
  /** Octets it keeps in memory. */
  readonly held: () => number
  /** What was found that forbids keeping the message. */
  readonly fault: () => Fault | undefined
  /** Octets of the message so far, dots removed; of no meaning after a fault. */
  readonly size: () => number
  /** The header section as received, the empty line that ends it included; all, if there is none. */
  readonly header: () => Buffer
}

const CR = 13
const LF = 10
const DOT = 46

/** Where the next octet stands. */
const LINE_START = 0
const TEXT = 1
const AFTER_CR = 2
const AFTER_DOT = 3 //    after a dot that begins a line
const AFTER_DOT_CR = 4 // after a dot and CR that begin a line

/** `sink` gets the message's octets as views of the chunks; none after a fault. */
export function dataReader(limits: DataLimits, sink: (octets: Buffer) => void): DataReader {
  let state = LINE_START
  /** Index into `faults` of what is told; their number stands for none. */
  let told: number = faults.length
  let size = 0
  let headerBytes = 0
  /** Wire octets before the current chunk, and before the current line (its stuffed dot included). */
  let offset = 0
  let lineOffset = 0
  let headerLines = 0
  let inHeader = true
  /** Its first `headerBytes` octets are the header section: a copy, or a client that sends octet by
   * octet would make the process hold an object for each. */
  let header = Buffer.alloc(0)

  function find(fault: Fault): void {
    told = Math.min(told, faults.indexOf(fault))
  }

  /** Counts even after a fault, since another that is found later may be the one to tell. */
  function take(octets: Buffer): void {
    if (octets.length === 0) return
    size += octets.length
    if (size > limits.maxMessageBytes) find('too-large')
    if (inHeader) keep(octets)
    if (told === faults.length) sink(octets)
  }

  function keep(octets: Buffer): void {
    const length = headerBytes + octets.length
    if (length > limits.maxHeaderBytes) find('header-too-large')
    if (told === faults.length) {
      if (length > header.length) header = Buffer.concat([header], Math.max(2048, 2 * length))
      octets.copy(header, headerBytes)
    }
    headerBytes = length
  }

  /** The line that ends before the wire offset `next` is whole. Whether it ends the header section. */
  function endLine(next: number): boolean {
    const length = next - lineOffset - 2
    lineOffset = next
    if (length > limits.maxLineBytes) find('line-too-long')
    if (!inHeader || length === 0) return inHeader
    headerLines += 1
    if (headerLines > limits.maxHeaderLines) find('header-too-large')
    return false
  }

  function feed(chunk: Buffer): number {
    const end = chunk.length
    let untaken = 0
    let at = 0
    while (at < end) {
      if (state === TEXT) {
        // Nearly every octet is passed over here; CR, LF and NUL are among the fourteen lowest.
        while (at < end && (chunk[at] as number) > CR) at += 1
        if (at === end) break
      }
      const octet = chunk[at] as number
      if (state === TEXT) {
        if (octet === CR) state = AFTER_CR
        else if (octet === LF) find('bare-lf')
        else if (octet === 0) find('nul')
        at += 1
      } else if (state === AFTER_CR) {
        if (octet === LF) {
          at += 1
          state = LINE_START
          if (endLine(offset + at)) {
            take(chunk.subarray(untaken, at))
            untaken = at
            inHeader = false
          }
        } else {
          find('bare-cr')
          state = TEXT
        }
      } else if (state === LINE_START) {
        if (octet === DOT) {
          take(chunk.subarray(untaken, at))
          at += 1
          untaken = at
          lineOffset += 1
          state = AFTER_DOT
        } else state = TEXT
      } else if (state === AFTER_DOT) {
        if (octet === CR) {
          at += 1
          state = AFTER_DOT_CR
        } else state = TEXT
      } else {
        if (octet === LF) return at + 1
        find('bare-cr')
        state = AFTER_CR
      }
    }
    // A CR after a dot may belong to the end of data: it is not content yet, and never will be,
    // since what could follow it instead of LF is a fault.
    take(chunk.subarray(untaken, state === AFTER_DOT_CR ? Math.max(untaken, end - 1) : end))
    offset += end
    // Told before its end, or a line without one would go to the sink as long as it likes.
    if (offset - lineOffset - 2 > limits.maxLineBytes) find('line-too-long')
    return -1
  }

  return {
    feed,
    giveUp() {
      find('no-memory')
      header = Buffer.alloc(0)
    },
    held: () => header.length,
    fault: () => faults[told],
    size: () => size,
    header: () => header.subarray(0, headerBytes),
  }
}
