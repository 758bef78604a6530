/** Asks for several things at once and answers in the order of the source. Pure. */

/** HEAD requests of a listing that are under way at a time. */
export const LOOKUPS = 16

/** At most `width` calls of `ask` run at a time; a source that is left early is let go of. */
export async function* inOrder<From, To>(
  source: AsyncIterable<From>,
  ask: (each: From) => Promise<To>,
  width: number,
): AsyncGenerator<To> {
  const asked: Promise<To>[] = []
  for await (const each of source) {
    const answer = ask(each)
    // Handled below, in its turn; until then Node would take a failure for one that nobody awaits.
    answer.catch(() => undefined)
    asked.push(answer)
    const first = asked.length < width ? undefined : asked.shift()
    if (first !== undefined) yield await first
  }
  for (const answer of asked) yield await answer
}
