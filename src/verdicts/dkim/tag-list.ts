/** Lists of `tag=value;`: the DKIM-Signature field, and the key's record in DNS. Pure, linear. RFC 6376 §3.2 */

export type TagList = {
  /** By name, as written: names are case-sensitive. White space around is gone, within one space. */
  readonly tags: ReadonlyMap<string, string>
  /** The name of the first. */
  readonly first: string | undefined
  /** Whether it is a tag list by the letter: no name twice, none malformed, nothing without `=`. */
  readonly valid: boolean
}

/** In these white space means nothing anywhere (§3.5, §3.6.1). */
const spaceless = new Set(['b', 'bh', 'p', 'h'])

export function tagList(text: string): TagList {
  const tags = new Map<string, string>()
  const specs = text.split(';')
  // One semicolon may stand at the end.
  if (specs.length > 1 && isBlank(specs.at(-1) ?? '')) specs.pop()
  let valid = true
  for (const spec of specs) {
    const equals = spec.indexOf('=')
    const name = spec.slice(0, Math.max(0, equals)).trim()
    if (!/^[A-Za-z][A-Za-z0-9_]*$/.test(name) || tags.has(name)) valid = false
    if (equals < 0) continue
    const value = spec.slice(equals + 1)
    tags.set(name, spaceless.has(name) ? value.replace(/\s+/g, '') : oneSpaced(value))
  }
  return { tags, first: tags.keys().next().value, valid }
}

/** The entries of a list of the kind `a : b`, lower case. */
export function colonList(value: string): readonly string[] {
  return value
    .split(':')
    .map((each) => each.trim().toLowerCase())
    .filter((each) => each !== '')
}

function oneSpaced(value: string): string {
  return value.replace(/\s+/g, ' ').trim()
}

function isBlank(text: string): boolean {
  return /^[ \t\r\n]*$/.test(text)
}
