/**
 * SHA-256 (FIPS 180-4) of a stream. Web Crypto hashes only what is in memory whole, so there is an
 * implementation here for browsers; in Node the built-in one is used. Both give the same
 * (test/unit/client/sha256.test.ts).
 */

export type Hash = {
  readonly update: (bytes: Uint8Array) => void
  /** Lower-case hex; the last thing to call. */
  readonly hex: () => string
}

export function newSha256(): Hash {
  return nativeSha256() ?? portableSha256()
}

/** Node's own, without naming the module in an import: a browser's bundler has nothing to resolve. */
export function nativeSha256(): Hash | undefined {
  if (typeof process === 'undefined' || typeof process.getBuiltinModule !== 'function')
    return undefined
  const hash = process.getBuiltinModule('node:crypto').createHash('sha256')
  return { update: (bytes) => void hash.update(bytes), hex: () => hash.digest('hex') }
}

const BLOCK = 64
/** The first 32 bits of the fractional parts of the cube roots of the first 64 primes, §4.2.2. */
const K = Uint32Array.from(primes(64), (prime) => fraction(Math.cbrt(prime)))
/** … and of the square roots of the first eight, §5.3.3. */
const INITIAL = Uint32Array.from(primes(8), (prime) => fraction(Math.sqrt(prime)))

export function portableSha256(): Hash {
  const state = INITIAL.slice()
  const block = new Uint8Array(BLOCK)
  let filled = 0
  let length = 0

  function absorb(bytes: Uint8Array): void {
    for (let at = 0; at < bytes.length; ) {
      const part = bytes.subarray(at, at + BLOCK - filled)
      block.set(part, filled)
      filled += part.length
      at += part.length
      if (filled < BLOCK) return
      compress(state, block)
      filled = 0
    }
  }

  return {
    update(bytes) {
      length += bytes.length
      absorb(bytes)
    },
    hex() {
      // §5.1.1: a one bit, zeros up to 8 bytes before the end of a block, the length in bits.
      const padding = new Uint8Array(1 + ((2 * BLOCK - 9 - filled) % BLOCK) + 8)
      padding[0] = 0x80
      new DataView(padding.buffer).setBigUint64(padding.length - 8, BigInt(length) * 8n)
      absorb(padding)
      return Array.from(state, (word) => word.toString(16).padStart(8, '0')).join('')
    },
  }
}

const schedule = new Uint32Array(64)

/** One block, §6.2.2. */
function compress(state: Uint32Array, block: Uint8Array): void {
  const view = new DataView(block.buffer)
  const w = schedule
  for (let t = 0; t < 16; t++) w[t] = view.getUint32(4 * t)
  for (let t = 16; t < 64; t++) {
    const w2 = w[t - 2] as number
    const w15 = w[t - 15] as number
    const s1 = rotate(w2, 17) ^ rotate(w2, 19) ^ (w2 >>> 10)
    const s0 = rotate(w15, 7) ^ rotate(w15, 18) ^ (w15 >>> 3)
    w[t] = s1 + (w[t - 7] as number) + s0 + (w[t - 16] as number)
  }
  // Words by number: a destructured or iterated state makes this three times as slow.
  let a = state[0] as number
  let b = state[1] as number
  let c = state[2] as number
  let d = state[3] as number
  let e = state[4] as number
  let f = state[5] as number
  let g = state[6] as number
  let h = state[7] as number
  for (let t = 0; t < 64; t++) {
    const sum1 = rotate(e, 6) ^ rotate(e, 11) ^ rotate(e, 25)
    const t1 = (h + sum1 + ((e & f) ^ (~e & g)) + (K[t] as number) + (w[t] as number)) | 0
    const sum0 = rotate(a, 2) ^ rotate(a, 13) ^ rotate(a, 22)
    const t2 = (sum0 + ((a & b) ^ (a & c) ^ (b & c))) | 0
    h = g
    g = f
    f = e
    e = (d + t1) | 0
    d = c
    c = b
    b = a
    a = (t1 + t2) | 0
  }
  state[0] = (state[0] as number) + a
  state[1] = (state[1] as number) + b
  state[2] = (state[2] as number) + c
  state[3] = (state[3] as number) + d
  state[4] = (state[4] as number) + e
  state[5] = (state[5] as number) + f
  state[6] = (state[6] as number) + g
  state[7] = (state[7] as number) + h
}

function rotate(word: number, by: number): number {
  return (word >>> by) | (word << (32 - by))
}

function fraction(root: number): number {
  return Math.floor((root % 1) * 2 ** 32)
}

function primes(count: number): number[] {
  const found: number[] = []
  for (let each = 2; found.length < count; each++) {
    if (found.every((prime) => each % prime !== 0)) found.push(each)
  }
  return found
}
