/**
 * Looks at the start of a stream without losing it. Holds what was looked at, nothing more; who looks
 * bounds how far. No copy is made while one piece is enough.
 */

export type Lookahead = {
  /** What was read so far; the view is void after the next `more`. */
  readonly bytes: () => Uint8Array
  /** Reads on; false when nothing follows. */
  readonly more: () => Promise<boolean>
  /** Everything from that offset to the end of the stream. The last thing to call. */
  readonly from: (offset: number) => AsyncGenerator<Uint8Array>
  /** Lets go of the source: for a stream that is not read to its end. Never throws. */
  readonly release: () => Promise<void>
}

const NOTHING = new Uint8Array(0)

export function lookahead(source: AsyncIterable<Uint8Array>): Lookahead {
  const iterator = source[Symbol.asyncIterator]()
  let memory: Uint8Array = NOTHING
  let filled = 0
  let over = false

  async function next(): Promise<Uint8Array | undefined> {
    if (over) return undefined
    over = true // and stays so when next() throws: such a source has let go by itself
    const step = await iterator.next()
    if (step.done === true) return undefined
    over = false
    return step.value
  }

  function append(piece: Uint8Array): void {
    if (filled === 0) {
      memory = piece
    } else {
      if (filled + piece.length > memory.length) {
        const larger = new Uint8Array(Math.max(2 * memory.length, filled + piece.length))
        larger.set(memory.subarray(0, filled))
        memory = larger
      }
      memory.set(piece, filled)
    }
    filled += piece.length
  }

  async function release(): Promise<void> {
    if (over) return
    over = true
    await Promise.resolve(iterator.return?.()).catch(() => undefined)
  }

  return {
    bytes: () => memory.subarray(0, filled),
    async more() {
      const piece = await next()
      if (piece !== undefined) append(piece)
      return piece !== undefined
    },
    async *from(offset) {
      try {
        if (offset < filled) yield memory.subarray(offset, filled)
        memory = NOTHING
        for (let piece = await next(); piece !== undefined; piece = await next()) yield piece
      } finally {
        await release()
      }
    },
    release,
  }
}

/** Reads until `length` bytes are there, or all there are. */
export async function atLeast(source: Lookahead, length: number): Promise<Uint8Array> {
  while (source.bytes().length < length && (await source.more())) {
    // Read on.
  }
  return source.bytes()
}
