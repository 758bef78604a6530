/**
 * Cuts a stream of pieces of any size into blocks of the sizes asked for. Holds one piece of the
 * source and one block, never more. A block that lies within a piece is a view of it, not a copy.
 */

export type Reader = {
  /**
   * The next `length` bytes, fewer only when the source ends. A block of several pieces is put together
   * in `room`; without one it is valid until the next `read`, and at most `longest` may be asked for.
   */
  read(length: number, room?: Uint8Array): Promise<Uint8Array>
  /** Whether nothing follows what was read. */
  ended(): Promise<boolean>
  /** Lets go of the source: to be called on every way out. Never throws, the outcome is known by then. */
  release(): Promise<void>
}

const NOTHING = new Uint8Array(0)

/** A reader of `source`, which must not change a piece after it has yielded it. */
export function readerOf(source: AsyncIterable<Uint8Array>, longest = 0): Reader {
  const iterator = source[Symbol.asyncIterator]()
  let piece: Uint8Array = NOTHING
  let over = false
  let scratch: Uint8Array | undefined

  /** Makes `piece` hold at least a byte; false when the source has no more. */
  async function more(): Promise<boolean> {
    while (piece.length === 0) {
      if (over) return false
      over = true // and stays so when next() throws: such a source has let go by itself
      const step = await iterator.next()
      if (step.done === true) return false
      over = false
      piece = step.value
    }
    return true
  }

  function take(length: number): Uint8Array {
    const taken = piece.subarray(0, length)
    piece = piece.length > length ? piece.subarray(length) : NOTHING
    return taken
  }

  function ownRoom(): Uint8Array {
    scratch ??= new Uint8Array(longest)
    return scratch
  }

  return {
    async read(length, room) {
      if (!(await more())) return NOTHING
      const head = take(length)
      if (head.length === length || !(await more())) return head
      const block = room ?? ownRoom()
      block.set(head)
      let filled = head.length
      while (filled < length && (await more())) {
        const part = take(length - filled)
        block.set(part, filled)
        filled += part.length
      }
      return block.subarray(0, filled)
    },
    ended: async () => !(await more()),
    async release() {
      if (over) return
      over = true
      await Promise.resolve(iterator.return?.()).catch(() => undefined)
    },
  }
}
