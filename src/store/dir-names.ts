/**
 * Keys as file names. Pure. An ordinary key is its own path; what a file system would take amiss is
 * percent-encoded, segment by segment, so that every key has one path below the root, no two the
 * same, and the path gives the key back. Names with `%` and no two hex digits after it are ours:
 *
 *     %          folder of an empty segment (`a//b` is a/%/b)
 *     %empty     object of an empty last segment (`a/` is a/%empty)
 *     abc…%      folder for the rest of a segment too long for one name
 *     %tmp       what is being written, and what comes after what (dir-versions.ts)
 */

export const TEMPORARY = '%tmp'
export const SIDECAR = '.metadata.json'

const EMPTY_FOLDER = '%'
const EMPTY_OBJECT = '%empty'
const CONTINUED = '%'
const SLASH = Buffer.of(0x2f)

/**
 * A name is cut at the first character that brings it to this length. Linux has 255 octets for a
 * name; an escape takes 3 and the sidecar's ending 14. Cutting by what came before, never by what
 * follows, keeps a folder's keys together in the order of keys.
 */
const FULL = 239

const unusual = /[^\x20-\x24\x26-\x2e\x30-\x7e]/u
const wellFormed = /^(?:[\x20-\x24\x26-\x2e\x30-\x7e]|%[0-9A-F]{2})+$/

/** The path of a key's content below the root, with `/` between names. The key must be a key (key.ts). */
export function pathOf(key: string): string {
  const segments = key.split('/')
  const last = segments.length - 1
  return segments.map((segment, at) => namesOf(segment, at === last).join('/')).join('/')
}

function namesOf(segment: string, last: boolean): string[] {
  if (segment === '') return [last ? EMPTY_OBJECT : EMPTY_FOLDER]
  const names: string[] = []
  let name = ''
  for (const token of tokensOf(segment)) {
    if (name.length >= FULL) {
      names.push(name + CONTINUED)
      name = ''
    }
    name += token
  }
  // A folder's `/` counts as one more character: else `x/…` would stand apart from `x!…` and `xy…`.
  if (!last && name.length >= FULL) return [...names, name + CONTINUED, EMPTY_FOLDER]
  return [...names, guarded(name)]
}

function tokensOf(segment: string): Iterable<string> {
  if (!unusual.test(segment)) return segment
  return Array.from(Buffer.from(segment), (octet) => {
    const character = String.fromCharCode(octet)
    if (!unusual.test(character)) return character
    return `%${octet.toString(16).toUpperCase().padStart(2, '0')}`
  })
}

/** No name leads elsewhere (`.`, `..`) or is a sidecar's. */
function guarded(name: string): string {
  if (name === '.' || name === '..') return name.replaceAll('.', '%2E')
  return name.endsWith(SIDECAR) ? `${name.slice(0, -1)}%6E` : name
}

/**
 * The octets a name in a folder adds to the key of what is there: for a folder, what all keys in it
 * go on with. Undefined for a name that no key leads to (`pathOf` has the last word on that).
 */
export function octetsOf(name: string, isFolder: boolean): Buffer | undefined {
  if (!isFolder) {
    if (name.endsWith(SIDECAR)) return undefined
    return name === EMPTY_OBJECT ? Buffer.alloc(0) : decoded(name)
  }
  if (name === EMPTY_FOLDER) return SLASH
  if (name.endsWith(CONTINUED)) return decoded(name.slice(0, -CONTINUED.length))
  const octets = decoded(name)
  return octets && Buffer.concat([octets, SLASH])
}

function decoded(name: string): Buffer | undefined {
  if (!wellFormed.test(name)) return undefined
  if (!name.includes('%')) return Buffer.from(name, 'latin1')
  const characters = name.replace(/%(..)/g, (_, hex) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(characters, 'latin1')
}
