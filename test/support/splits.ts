/** The ways TCP may cut a message on the wire, the ones that attack a reader of lines among them. */

/** The same numbers for the same seed (mulberry32), so that a failure can be run again. */
export function seededRandom(seed: number): () => number {
  let state = seed >>> 0
  return () => {
    state = (state + 0x6d2b79f5) >>> 0
    let mixed = Math.imul(state ^ (state >>> 15), state | 1)
    mixed ^= mixed + Math.imul(mixed ^ (mixed >>> 7), mixed | 61)
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 4_294_967_296
  }
}

/** `octets` cut before each of the positions, which may come in any order and repeat. */
export function cut(octets: Buffer, positions: readonly number[]): Buffer[] {
  const inside = positions.filter((each) => each > 0 && each < octets.length)
  const sorted = [0, ...new Set(inside.sort((a, b) => a - b)), octets.length]
  return sorted.slice(1).map((end, index) => octets.subarray(sorted[index], end))
}

/** Octet by octet. */
export function everyOctet(octets: Buffer): Buffer[] {
  return cut(octets, [...octets.keys()])
}

/** Between every CR and LF, for the last `most` of them. */
export function insideLineEnds(octets: Buffer, most = 40): Buffer[] {
  const positions: number[] = []
  for (let at = octets.lastIndexOf(10); at > 0 && positions.length < most; ) {
    positions.push(at)
    at = octets.lastIndexOf(10, at - 1)
  }
  return cut(octets, positions)
}

/** At each place inside the end of data, `CR LF . CR LF`, in turn. */
export function insideTheEnd(octets: Buffer): Buffer[][] {
  return [1, 2, 3, 4].map((before) => cut(octets, [octets.length - before]))
}

/** At up to `most` places that the seed decides. */
export function atRandom(octets: Buffer, seed: number, most = 12): Buffer[] {
  const random = seededRandom(seed)
  const places = Array.from({ length: most }, () => Math.floor(random() * octets.length))
  return cut(octets, places)
}
