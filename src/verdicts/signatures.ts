/**
 * A message with at most so many DKIM-Signature fields to verify. Each may cost look-ups and a hash of the
 * whole body, and mailauth verifies all there are (pitfalls P47), so that in its copy the surplus gets
 * another name of the same length. The bytes that are kept are not these.
 */
import type { CapturedMessage, Pieces } from '../mail/captured.ts'

const name = 'DKIM-Signature'
const surplusName = 'X-Surplus-DKIM'

export function withFewerSignatures({ header, read }: CapturedMessage, max: number): Pieces {
  // latin1: an octet is a character, so that offsets are those of the buffer.
  const found = [...header.toString('latin1').matchAll(/^dkim-signature[ \t]*:/gim)]
  const surplus = found.slice(max)
  if (surplus.length === 0) return read()
  const renamed = Buffer.from(header)
  for (const { index } of surplus) renamed.write(surplusName, index, name.length, 'latin1')
  return replaced(renamed, read())
}

/** The octets of `rest` with as many as `start` has replaced by it. */
async function* replaced(start: Buffer, rest: Pieces): AsyncGenerator<Buffer> {
  yield start
  let skip = start.length
  for await (const piece of rest) {
    if (piece.length > skip) yield piece.subarray(skip)
    skip = Math.max(0, skip - piece.length)
  }
}
