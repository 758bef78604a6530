/** Reading the content handed to `put`: its length is checked, its source always released. */

/** Passes the content on; throws as soon as it is longer, and at its end when shorter. */
export async function* exactly(
  body: AsyncIterable<Uint8Array>,
  length: number,
): AsyncGenerator<Uint8Array> {
  let seen = 0
  for await (const chunk of body) {
    seen += chunk.length
    if (seen > length) throw new Error(`the content is longer than the ${length} octets announced`)
    yield chunk
  }
  if (seen < length) throw new Error(`the content is ${seen} octets, ${length} were announced`)
}

/** The content in one buffer; for small ones. */
export async function whole(body: AsyncIterable<Uint8Array>, length: number): Promise<Buffer> {
  const content = Buffer.allocUnsafe(length)
  let filled = 0
  for await (const chunk of exactly(body, length)) {
    content.set(chunk, filled)
    filled += chunk.length
  }
  return content
}

/**
 * The content in parts of `size` octets, the last one shorter and only given when the length is
 * right. All parts are one buffer: a part is lost when the next is asked for.
 */
export async function* parts(
  body: AsyncIterable<Uint8Array>,
  length: number,
  size: number,
): AsyncGenerator<Buffer> {
  const part = Buffer.allocUnsafe(Math.min(length, size))
  let filled = 0
  for await (const chunk of exactly(body, length)) {
    for (let rest = chunk; rest.length > 0; ) {
      if (filled === part.length) {
        yield part
        filled = 0
      }
      const taken = rest.subarray(0, part.length - filled)
      part.set(taken, filled)
      filled += taken.length
      rest = rest.subarray(taken.length)
    }
  }
  yield part.subarray(0, filled)
}

/** Lets go of content that nobody will read. A stream closes its source only once it was begun. */
export async function release(body: AsyncIterable<Uint8Array>): Promise<void> {
  try {
    for await (const _ of body) return
  } catch {
    // Its failure changes nothing: the content is not wanted.
  }
}
