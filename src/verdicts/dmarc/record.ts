/** A DMARC record, as far as a receiver judges by it. Pure, linear. RFC 9989 §4.7, §4.8 and §4.10.1, RFC 6376 §3.2 */
import type { DmarcPolicy } from '../../mail/verdict.ts'

export type DmarcRecord = {
  /** Undefined: it asks for nothing, not even for reports, and is no reason to judge a message. */
  readonly policies: Policies | undefined
  /** Whether its domain is a public suffix (`y`) or an organization (`n`), if it says so. */
  readonly psd: 'y' | 'n' | undefined
  readonly strictSpf: boolean
  readonly strictDkim: boolean
}

/** What it asks for: for its own domain; for those below that exist; for those that do not. */
export type Policies = Readonly<Record<'own' | 'existing' | 'missing', DmarcPolicy>>

type Tags = ReadonlyMap<string, string>

/** `v=` comes first; its value is the only one whose case counts. */
const version = /^[vV][ \t]*=[ \t]*DMARC1[ \t]*(?:;|$)/

/** The one record among the texts at a name; several are as none (§4.10, steps 2 and 6). */
export function recordAmong(texts: readonly string[]): DmarcRecord | undefined {
  const [text, ...others] = texts.map((each) => each.trim()).filter((each) => version.test(each))
  if (text === undefined || others.length > 0) return undefined
  const tags = tagsOf(text)
  return tags === undefined ? undefined : recordOf(tags)
}

function recordOf(tags: Tags): DmarcRecord {
  const flag = (name: string): string | undefined => tags.get(name)?.toLowerCase()
  const psd = flag('psd')
  return {
    policies: policiesOf(tags, flag('t') === 'y'),
    psd: psd === 'y' || psd === 'n' ? psd : undefined,
    strictSpf: flag('aspf') === 's',
    strictDkim: flag('adkim') === 's',
  }
}

/** Undefined where a name is there twice. What has no name or no `=` is passed over (§4.7). */
function tagsOf(text: string): Tags | undefined {
  const tags = new Map<string, string>()
  for (const [index, spec] of text.split(';').entries()) {
    const equals = spec.indexOf('=')
    const written = spec.slice(0, Math.max(0, equals)).trim()
    if (written === '') continue
    const name = index === 0 ? 'v' : written
    if (tags.has(name)) return undefined
    tags.set(name, spec.slice(equals + 1).trim())
  }
  return tags
}

/** §4.10.1: one policy that is no word for one makes `none` of all, if there are reports to send. */
function policiesOf(tags: Tags, testing: boolean): Policies | undefined {
  const word = (name: string, otherwise: string): string =>
    tags.get(name)?.toLowerCase() ?? otherwise
  const p = word('p', '')
  const sp = word('sp', p)
  const np = word('np', sp)
  if (isPolicy(p) && isPolicy(sp) && isPolicy(np)) {
    return testing
      ? { own: oneBelow[p], existing: oneBelow[sp], missing: oneBelow[np] }
      : { own: p, existing: sp, missing: np }
  }
  return hasReportUri(tags.get('rua') ?? '')
    ? { own: 'none', existing: 'none', missing: 'none' }
    : undefined
}

/** `t=y`: the policies are being tried out. */
const oneBelow = { reject: 'quarantine', quarantine: 'none', none: 'none' } as const

function isPolicy(word: string): word is DmarcPolicy {
  return Object.hasOwn(oneBelow, word)
}

/** §4.8: a URI of RFC 3986 without commas and exclamation marks; RFC 7489 had a size behind one. */
const reportUri =
  /^[a-z][a-z0-9+.-]*:(?:[\w\-.~:/?#[\]@$&'()*+;=]|%[0-9a-f]{2})*(?:![0-9]+[kmgt]?)?$/i

function hasReportUri(list: string): boolean {
  return list.split(',').some((each) => reportUri.test(each.trim()))
}
