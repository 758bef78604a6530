/** The header section of a stored message. Pure. RFC 5322 §2.1 */

const separator = Buffer.from('\r\n\r\n')

/**
 * The octets up to and with the empty line that ends the header section, and never more than `most`; the whole
 * message when it has no such line. Reads no further than needed.
 */
export async function headerSection(
  message: AsyncIterable<Uint8Array>,
  most: number,
): Promise<Buffer> {
  let header = Buffer.alloc(0)
  for await (const chunk of message) {
    // The separator may straddle two pieces.
    const from = Math.max(0, header.length - separator.length + 1)
    header = Buffer.concat([header, chunk])
    // A message without a header begins with the empty line.
    if (header[0] === 0x0d && header[1] === 0x0a) return header.subarray(0, 2)
    const end = header.indexOf(separator, from)
    if (end >= 0) return header.subarray(0, Math.min(end + separator.length, most))
    if (header.length >= most) return header.subarray(0, most)
  }
  return header
}
