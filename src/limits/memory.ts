/**
 * The octets that all sessions of a process hold together. Who would hold more than there is gives up
 * what it has and is answered 452: the server refuses before the system ends it. Pure.
 */
export type MemoryBudget = {
  /** Whether so little is left that it is for those who have begun. */
  readonly isTight: () => boolean
  readonly held: () => number
  /** An account of one holder's. */
  readonly open: () => MemoryAccount
}

export type MemoryAccount = {
  /** From now on `octets` are held. False where that is more than there is: nothing has changed then. */
  readonly set: (octets: number) => boolean
  readonly held: () => number
  /** Holds nothing any more, for good. */
  readonly close: () => void
}

/** The rest is for messages under way. */
const forBeginners = 7 / 8

export function memoryBudget(maxBytes: number): MemoryBudget {
  let total = 0
  return {
    isTight: () => total > maxBytes * forBeginners,
    held: () => total,
    open() {
      let own = 0
      let closed = false
      return {
        set(octets) {
          if (closed) return true
          if (octets > own && total + octets - own > maxBytes) return false
          total += octets - own
          own = octets
          return true
        },
        held: () => own,
        close() {
          closed = true
          total -= own
          own = 0
        },
      }
    },
  }
}
