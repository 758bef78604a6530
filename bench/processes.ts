/** What the processes of a server have used, by /proc: the process that was started and all below it. */
import { readdirSync, readFileSync } from 'node:fs'

/** The kernel's USER_HZ, which is 100 on every Linux that Node runs on. */
const MS_A_TICK = 10

type Stat = { readonly parent: number; readonly ms: number }

/**
 * Milliseconds of processor of these trees so far, children that have ended and were waited for among
 * them: a server may fork for each connection.
 */
export function cpuMs(roots: readonly number[]): number {
  const all = allStats()
  return treesOf(all, roots).reduce((sum, pid) => sum + (all.get(pid)?.ms ?? 0), 0)
}

/** Octets of memory of these trees; what several of their processes share counts once (PSS). */
export function memoryOf(roots: readonly number[]): number {
  return treesOf(allStats(), roots).reduce((sum, pid) => {
    const text = read(`/proc/${pid}/smaps_rollup`)
    return sum + Number(/^Pss:\s*(\d+) kB/m.exec(text)?.[1] ?? 0) * 1024
  }, 0)
}

/** Resolves when these trees have nothing left to do: what one server does must not slow the next. */
export async function idle(roots: readonly number[], patienceMs = 5000): Promise<void> {
  const until = performance.now() + patienceMs
  let quiet = 0
  for (let before = cpuMs(roots); quiet < 2 && performance.now() < until; ) {
    await new Promise((resolve) => setTimeout(resolve, 50))
    const now = cpuMs(roots)
    quiet = now - before <= MS_A_TICK ? quiet + 1 : 0
    before = now
  }
}

function treesOf(all: ReadonlyMap<number, Stat>, roots: readonly number[]): number[] {
  const tree = roots.filter((pid) => all.has(pid))
  for (let index = 0; index < tree.length; index += 1) {
    for (const [pid, { parent }] of all) if (parent === tree[index]) tree.push(pid)
  }
  return tree
}

function allStats(): ReadonlyMap<number, Stat> {
  const all = new Map<number, Stat>()
  for (const name of readdirSync('/proc')) {
    if (!/^\d+$/.test(name)) continue
    const stat = read(`/proc/${name}/stat`)
    // The name of the program may hold anything; the fields begin behind it (proc(5)).
    const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ')
    const ticks = fields.slice(11, 15).reduce((sum, text) => sum + Number(text), 0)
    if (fields.length > 15)
      all.set(Number(name), { parent: Number(fields[1]), ms: ticks * MS_A_TICK })
  }
  return all
}

function read(path: string): string {
  try {
    return readFileSync(path, 'utf8')
  } catch {
    // It has ended meanwhile.
    return ''
  }
}
