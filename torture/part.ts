/** What a part of `npm run torture` is given, and what it hands back. */

export type Request = {
  /** How long this part may take; each stops by itself soon after. */
  readonly seconds: number
  /** What a run draws its choices from; the same seed makes the same choices. */
  readonly seed: number
  /** Only what has this word in its name: a target of `fuzz`, a case of another part. */
  readonly only?: string
}

/** Runs, prints its figures and what failed with the way to repeat it; resolves with how many failed. */
export type Part = (request: Request) => Promise<number>
