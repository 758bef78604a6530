/** What is fuzzed: a parser, what it is fed with, and what has to hold whatever that is. */
import { type Dirent, readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

export type Target = {
  readonly name: string
  /** Valid inputs, or nearly, to begin with. */
  readonly seeds: readonly Uint8Array[]
  /** Words of the grammar: what is inserted, repeated and nested. */
  readonly tokens: readonly string[]
  /** Throws when a promise is broken; what the parser may throw by its contract is caught in it. */
  readonly run: (input: Uint8Array) => void | Promise<void>
  /** Largest input; the limits of whoever calls the parser. */
  readonly maxBytes?: number
}

/** Kept inputs: what reached new code, and what broke something once. */
export const corpusDirectory = join(import.meta.dirname, '../../test/fixtures/fuzz')

/** The seeds of a target with what is kept of earlier runs. */
export function seedsOf({ name, seeds }: Target): readonly Uint8Array[] {
  const kept = filesOf(join(corpusDirectory, name)).map((file) => readFileSync(file))
  return [...seeds, ...kept]
}

/** The files directly in a directory; none when there is no such. */
export function filesOf(directory: string): string[] {
  let entries: Dirent[]
  try {
    entries = readdirSync(directory, { withFileTypes: true })
  } catch {
    // Nothing is kept for this target.
    return []
  }
  return entries
    .filter((each) => each.isFile())
    .map((each) => join(directory, each.name))
    .sort()
}

/** Texts as inputs. */
export function octetsOf(...texts: readonly string[]): Uint8Array[] {
  return texts.map((text) => Buffer.from(text))
}

/** An input as text; what is no UTF-8 becomes U+FFFD, as where a file is read. */
export function textOf(input: Uint8Array): string {
  return Buffer.from(input).toString('utf8')
}

/** Throws with `promise` when it does not hold. */
export function holds(condition: boolean, promise: string): void {
  if (!condition) throw new Error(`broken: ${promise}`)
}

/** Runs it; what it throws must be of the kind that is documented. */
export async function throwsOnly<Result>(
  kind: abstract new (...args: never[]) => Error,
  work: () => Result | Promise<Result>,
): Promise<Result | undefined> {
  try {
    return await work()
  } catch (error) {
    if (error instanceof kind) return undefined
    throw error
  }
}

/** An input in pieces of odd sizes, as a socket or a store hands it on. */
export async function* pieces(input: Uint8Array, size: number): AsyncGenerator<Buffer> {
  const octets = Buffer.from(input)
  for (let at = 0; at < octets.length; at += size) yield octets.subarray(at, at + size)
}
