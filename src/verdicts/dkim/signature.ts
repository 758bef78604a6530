/**
 * One DKIM-Signature field: what it says, or why nobody need look for its key. Pure, never throws.
 * RFC 6376 §3.5 and §6.1.1, RFC 8301, RFC 8463
 */
import { asciiName, isAtOrBelow, isDomainName, isSelector } from '../names.ts'
import type { Canonicalization } from './body-hash.ts'
import { contentOf, type RawField } from './fields.ts'
import { colonList, type TagList, tagList } from './tag-list.ts'

/** What is told of a signature whatever comes of it. */
export type Claims = {
  readonly domain: string
  readonly selector: string
  /** The AUID, `@domain` when there is no `i=`; '' without either. */
  readonly identity: string
  readonly algorithm: string | undefined
}

/** A signature that is worth its key. */
export type Signature = {
  readonly keyType: 'rsa' | 'ed25519'
  readonly hash: 'sha256' | 'sha1'
  readonly headerForm: Canonicalization
  readonly bodyForm: Canonicalization
  /** Names in `h=`, lower case. */
  readonly fields: readonly string[]
  readonly bodyDigest: string
  readonly signature: Buffer
  /** `l=` */
  readonly bodyLimit: number | undefined
  /** `x=`, seconds since 1970. */
  readonly expires: number | undefined
  /** Where the key is. */
  readonly keyName: string
  /** The domain of `i=`, if there is one. */
  readonly identityDomain: string | undefined
}

export type Read = { readonly claims: Claims } & (
  | { readonly signature: Signature }
  | { readonly invalid: string }
)

const syntaxError = 'signature syntax error'
const required = ['v', 'a', 'b', 'bh', 'd', 'h', 's']

/** RFC 5322 dot-atom with RFC 6531's UTF-8, or a quoted string. */
const localPart =
  /^(?:(?:[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]|[^\x00-\x7f])+(?:\.(?:[A-Za-z0-9!#$%&'*+\-/=?^_`{|}~]|[^\x00-\x7f])+)*|"(?:[^"\\\r\n]|\\.)*")$/

export function readSignature(field: RawField): Read {
  const list = tagList(Buffer.from(contentOf(field), 'latin1').toString())
  const claims = claimsOf(list.tags)
  const signature = signatureOf(list, claims)
  return typeof signature === 'string' ? { claims, invalid: signature } : { claims, signature }
}

function claimsOf(tags: TagList['tags']): Claims {
  const domain = tags.get('d') ?? ''
  const auid = tags.get('i')
  const identity = auid === undefined ? domain && `@${domain}` : unquoted(auid)
  const at = identity.lastIndexOf('@') + 1
  return {
    domain,
    selector: tags.get('s') ?? '',
    identity: at === 0 ? identity : identity.slice(0, at) + asciiName(identity.slice(at)),
    algorithm: tags.get('a'),
  }
}

/** The signature, or what is wrong with it. */
function signatureOf({ tags, valid }: TagList, claims: Claims): Signature | string {
  const tag = (name: string): string => tags.get(name) ?? ''
  const { domain, selector } = claims
  const algorithm = /^(rsa|ed25519)-(sha256|sha1)$/i.exec(tag('a'))
  const [, keyType, hash] = algorithm?.map((each) => each.toLowerCase()) ?? []
  if (keyType === undefined || (keyType === 'ed25519' && hash === 'sha1'))
    return 'unknown algorithm'
  const [headerForm = '', bodyForm = 'simple'] = (tag('c') || 'simple')
    .split('/')
    .map((each) => each.trim().toLowerCase())
  if (!isCanonicalization(headerForm) || !isCanonicalization(bodyForm))
    return 'unknown canonicalization'
  if (domain === '' || selector === '') return 'signature missing required tag'
  if (!valid) return syntaxError
  if (!required.every((name) => tags.has(name))) return 'signature missing required tag'
  if (tag('v') !== '1') return 'incompatible version'
  const numbers = { t: /^\d{1,12}$/, x: /^\d{1,12}$/, l: /^\d{1,76}$/ }
  if (Object.entries(numbers).some(([name, form]) => tags.has(name) && !form.test(tag(name))))
    return syntaxError
  const fields = colonList(tag('h'))
  if (fields.length === 0 || !isDomainName(domain) || !isSelector(selector)) return syntaxError
  if (tags.has('q') && !colonList(tag('q')).includes('dns/txt')) return 'unsupported query method'
  const identity = tags.has('i') ? identityDomain(claims) : undefined
  if (identity !== undefined && 'invalid' in identity) return identity.invalid
  if (tags.has('t') && tags.has('x') && Number(tag('x')) <= Number(tag('t')))
    return 'invalid expiration'
  // §6.1.1: one that leaves the author out says nothing about them.
  if (!fields.includes('from')) return 'From field not signed'
  return {
    keyType: keyType as Signature['keyType'],
    hash: hash as Signature['hash'],
    headerForm,
    bodyForm,
    fields,
    bodyDigest: tag('bh'),
    signature: Buffer.from(tag('b'), 'base64'),
    bodyLimit: tags.has('l') ? Number(tag('l')) : undefined,
    expires: tags.has('x') ? Number(tag('x')) : undefined,
    keyName: asciiName(`${selector}._domainkey.${domain}`),
    identityDomain: identity?.domain,
  }
}

/** §6.1.1: the domain of `i=` is that of `d=` or one below it. */
function identityDomain({
  identity,
  domain,
}: Claims): { readonly domain: string } | { readonly invalid: string } {
  const at = identity.lastIndexOf('@')
  const [local, name] = [identity.slice(0, Math.max(0, at)), identity.slice(at + 1)]
  if (at < 0 || !(local === '' || localPart.test(local)) || !isDomainName(name))
    return { invalid: syntaxError }
  return isAtOrBelow(name, domain) ? { domain: name } : { invalid: 'domain mismatch' }
}

/** §2.11, dkim-quoted-printable: `=40` is an octet, white space is nothing. */
function unquoted(value: string): string {
  const latin1 = Buffer.from(value.replace(/[ \t\r\n]+/g, '')).toString('latin1')
  const octets = latin1.replace(/=([0-9A-Fa-f]{2})/g, (_, hex: string) =>
    String.fromCharCode(Number.parseInt(hex, 16)),
  )
  return Buffer.from(octets, 'latin1').toString()
}

function isCanonicalization(word: string): word is Canonicalization {
  return word === 'simple' || word === 'relaxed'
}

/**
 * The field as its own signature sees it: without the value of `b=`, the white space around it included. `form`
 * is the field in its canonical form. §3.7
 */
export function withoutSignature(form: string): string {
  const colon = form.indexOf(':') + 1
  const specs = form.slice(colon).split(';')
  const at = specs.findLastIndex((spec) => /^\s*b\s*=/.test(spec))
  const spec = specs[at]
  if (spec !== undefined) specs[at] = spec.slice(0, spec.indexOf('=') + 1)
  return form.slice(0, colon) + specs.join(';')
}
