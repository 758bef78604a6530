/** The message that the checks look at: what was captured, not committed yet. Pure types. */

export type CapturedMessage = {
  /** Octets of the message as received. */
  readonly size: number
  /** The header section as received, the empty line that ends it included; all, if there is none. */
  readonly header: Buffer
  /** The message from its start, each time; several may read at once. The pieces must not be changed. */
  readonly read: () => AsyncIterable<Buffer>
}
