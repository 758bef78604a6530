/** The message that the checks look at: what was captured, not committed yet. Pure. */

/** A list where all of it is in memory, so that nobody has to wait for it; `for await` takes either. */
export type Pieces = readonly Buffer[] | AsyncIterable<Buffer>

export type CapturedMessage = {
  /** Octets of the message as received. */
  readonly size: number
  /** The header section as received, the empty line that ends it included; all, if there is none. */
  readonly header: Buffer
  /** The message from its start, each time; several may read at once. The pieces must not be changed. */
  readonly read: () => Pieces
}

/** A message that is in memory as a whole: from a file, or from the spool. */
export function capturedFrom(octets: Buffer): CapturedMessage {
  // A file of a person's may have line ends that no server would take.
  const ends = ['\r\n\r\n', '\n\n'].flatMap((each) => {
    const at = octets.indexOf(each)
    return at < 0 ? [] : at + each.length
  })
  return {
    size: octets.length,
    header: octets.subarray(0, Math.min(octets.length, ...ends)),
    read: () => [octets],
  }
}
