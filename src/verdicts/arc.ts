/**
 * ARC (RFC 8617): what is reported of a chain, and when its word counts. A valid chain proves only who
 * says so (pitfalls P48), so that it counts for nothing unless every sealer is one the operator trusts.
 */
import { Readable } from 'node:stream'
import type { Resolve } from '../dns/resolver.ts'
import type { CapturedMessage } from '../mail/captured.ts'
import type { ArcReport } from '../mail/verdict.ts'
import type { RawField } from './dkim/fields.ts'
import { plainName } from './names.ts'
import { bounded } from './reported.ts'
import { withFewerSignatures } from './signatures.ts'

type Tags = { readonly parsed?: Readonly<Record<string, { readonly value?: unknown } | undefined>> }

/** One set of mailauth's chain, oldest first. */
export type ArcSet = {
  readonly 'arc-seal'?: Tags
  readonly 'arc-authentication-results'?: { readonly original?: string | Buffer }
}

type Chain = readonly ArcSet[] | false | undefined

/** What mailauth 7.1.0 answers, as far as it is read here; its own types leave half of it out. */
type Outcome = false | { readonly status?: { result: ArcReport['result']; comment?: string } }

/** The chain by mailauth, which then verifies the message once more: few messages have one. */
export async function arcOf(
  message: CapturedMessage,
  fields: readonly RawField[],
  maxSignatures: number,
  resolver: Resolve,
): Promise<{ readonly arc: ArcReport; readonly chain?: Chain }> {
  if (!fields.some(({ name }) => name.startsWith('arc-'))) return { arc: { result: 'none' } }
  const [{ arc: verifyChain }, { dkimVerify }] = await Promise.all([
    import('mailauth/lib/arc/index.js'),
    import('mailauth/lib/dkim/verify.js'),
  ])
  // It may change what it gets, which is everybody's.
  const lent: Resolve = async (name, type) => structuredClone(await resolver(name, type))
  const options = { strict: true, minBitLength: 1024, resolver: lent as never }
  const source = withFewerSignatures(message, maxSignatures)
  const { arc } = await dkimVerify(Readable.from(source, { objectMode: false }), options)
  const chain = (arc as { readonly chain?: Chain } | undefined)?.chain
  return { arc: reportOf((await verifyChain(arc as never, options)) as Outcome, chain), chain }
}

function reportOf(found: Outcome, chain: Chain): ArcReport {
  if (found === false || found.status === undefined) return { result: 'none' }
  const { result, comment } = found.status
  const sets = chain || []
  return {
    result,
    ...(sets.length === 0 ? {} : { sets: sets.length, sealers: sets.map(sealerOf) }),
    ...(comment ? { comment: bounded(comment) } : {}),
  }
}

function sealerOf(set: ArcSet): string {
  const domain = set['arc-seal']?.parsed?.['d']?.value
  return bounded(typeof domain === 'string' ? domain.toLowerCase() : '')
}

/**
 * The last sealer, when the chain is valid, all of its sealers are trusted, and the first of them saw
 * DMARC pass for this From domain (RFC 8617 §7.2). Else `undefined`.
 */
export function trustedDmarcPass(
  chain: Chain,
  { result, sealers = [] }: ArcReport,
  author: string | undefined,
  trusted: readonly string[],
): string | undefined {
  if (result !== 'pass' || author === undefined || sealers.length === 0) return undefined
  const names = trusted.map((each) => each.toLowerCase())
  if (!sealers.every((each) => names.includes(each))) return undefined
  const [first] = chain || []
  const field = String(first?.['arc-authentication-results']?.original ?? '')
  return sawDmarcPass(field, author) ? sealers.at(-1) : undefined
}

/** RFC 8601 §2.2: whether the results hold `dmarc=pass` with `header.from=` this domain, a plain name. */
export function sawDmarcPass(field: string, domain: string): boolean {
  return statements(field.slice(field.indexOf(':') + 1)).some((statement) => {
    const [method, ...properties] = statement
    return (
      method?.toLowerCase() === 'dmarc=pass' &&
      properties.some(
        (each) => /^header\.from=/i.test(each) && plainName(each.slice(12)) === domain,
      )
    )
  })
}

/** The words of each statement between semicolons; comments are gone, quoted strings are one word. */
function statements(text: string): string[][] {
  const found: string[][] = [[]]
  let word = ''
  let depth = 0
  let quoted = false
  const end = (): void => {
    if (word !== '') found.at(-1)?.push(word)
    word = ''
  }
  for (let at = 0; at < text.length; at += 1) {
    const character = text.charAt(at)
    if (character === '\\' && (quoted || depth > 0)) {
      at += 1
      if (quoted) word += '?'
    } else if (depth > 0) depth += character === '(' ? 1 : character === ')' ? -1 : 0
    else if (character === '"') quoted = !quoted
    // Within quotes neither is what it is outside.
    else if (quoted) word += /[\s=]/.test(character) ? '?' : character
    else if (character === '(') depth = 1
    else if (character === ';') {
      end()
      found.push([])
    } else if (/\s/.test(character)) end()
    else word += character
  }
  end()
  return found.map(joined)
}

/** White space may stand around `=` (RFC 8601 §2.2). */
function joined(words: readonly string[]): string[] {
  return words.join(' ').replace(/ ?= ?/g, '=').split(' ')
}
