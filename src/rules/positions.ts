/** From places in the data of a YAML or JSON document to offsets in its text, and back. Pure. */
import { type Document, isAlias, isMap, isScalar, isSeq, type Node } from 'yaml'

/** Where in the data: keys and list places from the top. */
export type Path = readonly (string | number)[]

type Place = { readonly key?: unknown; readonly value: unknown }

/** Where a path leads; where it leads nowhere (a missing key), the last thing on the way. */
export function offsetOf(document: Document.Parsed, path: Path, at: 'key' | 'value'): number {
  let place: Place = { value: document.contents }
  for (const step of path) {
    const next = child(isAlias(place.value) ? place.value.resolve(document) : place.value, step)
    if (next === undefined) break
    place = next
  }
  const { key, value } = place
  return (at === 'key' ? undefined : startOf(value)) ?? startOf(key) ?? startOf(value) ?? 0
}

function child(node: unknown, step: string | number): Place | undefined {
  if (isSeq(node)) {
    return Number(step) < node.items.length ? { value: node.items[Number(step)] } : undefined
  }
  if (!isMap(node)) return undefined
  return node.items.find(({ key }) => isScalar(key) && String(key.value) === String(step))
}

/** The keys and list places around an offset in the text. */
export function pathAt(node: unknown, offset: number): Path {
  if (isSeq(node)) {
    const place = node.items.findIndex((item) => covers(item, offset))
    return place < 0 ? [] : [place, ...pathAt(node.items[place], offset)]
  }
  if (!isMap(node)) return []
  const pair = node.items.find(({ key, value }) => covers(key, offset) || covers(value, offset))
  return pair === undefined ? [] : [String(pair.key), ...pathAt(pair.value, offset)]
}

function covers(node: unknown, offset: number): boolean {
  const range = (node as Node | null | undefined)?.range
  return range !== null && range !== undefined && range[0] <= offset && offset < range[2]
}

function startOf(node: unknown): number | undefined {
  return (node as Node | null | undefined)?.range?.[0]
}
