/**
 * Whether a parser's time grows with its input or with the square of it: the same word repeated, alone,
 * before, behind and within a valid input, in sizes that double. The processor's time counts, not the
 * clock's.
 */
import { describeError } from '../../src/errors.ts'
import { seedsOf, type Target } from './target.ts'
import type { Broken } from './watched.ts'

/** What an input of twice the size may cost more: 2 is linear, 4 the square. */
const mostFactor = 3.2
/** A parser's own limit may be lower. */
const largest = 512 * 1024
/** Below it the clock tells nothing. */
const worthMs = 30

const wheres = ['alone', 'before', 'behind', 'within'] as const
type Where = (typeof wheres)[number]

/** What grows faster than its input, or breaks by growing. `until`: by performance.now(). */
export async function superlinear(
  target: Target,
  until: number,
  before: (input: Uint8Array) => void,
): Promise<Broken[]> {
  const most = Math.min(largest, target.maxBytes ?? largest)
  const seed = Buffer.from(seedsOf(target)[0] ?? Buffer.alloc(0))
  const words = [...target.tokens, 'a', ' ', '\n', '(', '"', '\\', '.', '@', 'a@', '\t\n ']
  const found: Broken[] = []
  for (const word of words) {
    for (const where of wheres) {
      if (performance.now() > until) return found
      const make = (bytes: number): Buffer =>
        inputOf(seed, word, where, bytes).subarray(0, 2 * most)
      const broken = await steepest(make, most, (input) => {
        before(input)
        return costOf(target, input)
      })
      if (broken === undefined) continue
      found.push({ ...broken, reason: `${where}: ${JSON.stringify(word)}: ${broken.reason}` })
    }
  }
  return found
}

async function steepest(
  make: (bytes: number) => Buffer,
  most: number,
  cost: (input: Buffer) => Promise<number>,
): Promise<Broken | undefined> {
  let last = 0
  for (let bytes = most / 16; bytes <= most; bytes *= 2) {
    const input = make(bytes)
    try {
      const ms = await cost(input)
      // Measured again when it looks bad: something else may have had the processor's cache.
      if (ms > worthMs && last > 1 && ms / last > mostFactor) {
        const [half, whole] = [await cost(make(bytes / 2)), await cost(input)]
        const factor = whole / half
        const times = `${factor.toFixed(1)} times as long as half of them`
        const reason = `${input.length} octets take ${whole.toFixed(0)} ms, ${times}`
        if (factor > mostFactor && whole > worthMs) return { input, reason }
      }
      last = ms
    } catch (error) {
      return { input, reason: describeError(error) }
    }
  }
  return undefined
}

/** The least of three, in milliseconds of the processor. */
async function costOf(target: Target, input: Buffer): Promise<number> {
  let least = Number.POSITIVE_INFINITY
  for (let turn = 0; turn < 3 && least > worthMs / 10; turn += 1) {
    const began = process.cpuUsage()
    await target.run(input)
    const { user, system } = process.cpuUsage(began)
    least = Math.min(least, (user + system) / 1000)
  }
  return least
}

function inputOf(seed: Buffer, word: string, where: Where, bytes: number): Buffer {
  const many = Buffer.from(word.repeat(Math.ceil(bytes / Math.max(1, Buffer.byteLength(word)))))
  const middle = Math.floor(seed.length / 2)
  if (where === 'alone') return many
  if (where === 'before') return Buffer.concat([many, seed])
  if (where === 'behind') return Buffer.concat([seed, many])
  return Buffer.concat([seed.subarray(0, middle), many, seed.subarray(middle)])
}
