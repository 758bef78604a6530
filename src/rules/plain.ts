/**
 * Rule files with nothing odd in them, read the quick way: the positions of everything in a file of a
 * hundred thousand recipients cost the YAML library seconds and a gigabyte, and are needed only once
 * there is a mistake to point at. Pure.
 */
import { type PlainYaml, plainYaml } from './plain-yaml.ts'
import type { Path } from './positions.ts'

export type Plain = PlainYaml

/** The data of a text; undefined when the library has to read it, to be sure or to say what is wrong. */
export function readPlain(text: string, format: 'json' | 'yaml'): Plain | undefined {
  return format === 'json' ? plainJson(text) : plainYaml(text)
}

/**
 * Where the map or list begins that a path leads to, the last on the way where a key is missing;
 * undefined for a value on one line, of which only the library knows the place.
 */
export function plainOffset({ data, offsets }: Plain, path: Path): number | undefined {
  let at = data
  for (const step of path) {
    const next = (at as Readonly<Record<string, unknown>> | null)?.[step]
    if (next === undefined) break
    at = next
  }
  return offsets.get(at)
}

/** Refuses equal keys, of which JSON.parse would keep the last without a word. */
function plainJson(text: string): Plain | undefined {
  let data: unknown
  try {
    data = JSON.parse(text)
  } catch {
    return undefined
  }
  const { containers, keys } = inOrder(data)
  const offsets = new Map<unknown, number>()
  let written = 0
  for (const { 0: token, index } of text.matchAll(/"(?:[^"\\]|\\.)*"[ \t\r\n]*:?|[{[]/g)) {
    if (token.endsWith(':')) written += 1
    else if (!token.startsWith('"')) offsets.set(containers[offsets.size], index)
  }
  return written === keys ? { data, offsets } : undefined
}

/** Objects and lists as they stand in the text, and how many keys there are. Data may nest without end. */
function inOrder(data: unknown): { readonly containers: readonly object[]; readonly keys: number } {
  const containers: object[] = []
  let keys = 0
  const waiting = [data]
  while (waiting.length > 0) {
    const value = waiting.pop()
    if (typeof value !== 'object' || value === null) continue
    containers.push(value)
    const inside = Object.values(value)
    if (!Array.isArray(value)) keys += inside.length
    for (let place = inside.length - 1; place >= 0; place -= 1) waiting.push(inside[place])
  }
  return { containers, keys }
}
