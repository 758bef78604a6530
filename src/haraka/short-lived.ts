/**
 * V8 (Node 24) sometimes keeps what belongs to one session where long-lived things are. Until the next mark-compact that,
 * and all that it leads to, then counts as alive: 30 KiB of each session were copied twice and swept in the end.
 * What is here avoids it; measured by `HeapProfiler.startSampling` without what a scavenge collects.
 */

/**
 * For a function that is put on an object of one session or message: `object.method = shortLived(() => …)`.
 * Written right behind `object.method =`, where most functions are methods of a program, it would be old when it is
 * made; as an argument it dies young.
 */
export function shortLived<Function>(method: Function): Function {
  return method
}

/** The one function that does nothing, made once. */
export function nothing(): void {}

/**
 * Takes one out of an array that serves as a set; others change their place. For sets and maps of sessions: the
 * table of a Set that it has outgrown leads to the one after it, so that once one table is old, all who have been
 * in one since then are never young garbage.
 */
export function remove<Member>(members: Member[], member: Member): void {
  const place = members.indexOf(member)
  const last = members.pop()
  if (last !== undefined && place >= 0 && place < members.length) members[place] = last
}
