/** Says a thing at most once a minute: what anybody can cause must not fill the log. The things are few. Pure but for the clock. */
export function seldom<Thing extends string>(
  say: (thing: Thing) => void,
  now: () => number = () => performance.now(),
): (thing: Thing) => void {
  const said = new Map<Thing, number>()
  return (thing) => {
    if (now() - (said.get(thing) ?? Number.NEGATIVE_INFINITY) < 60_000) return
    said.set(thing, now())
    say(thing)
  }
}
