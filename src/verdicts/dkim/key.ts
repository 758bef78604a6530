/**
 * A key's record in DNS. Pure, but it remembers: to read a record costs 0.3 ms of OpenSSL's time, and mail
 * of one day comes from few domains. RFC 6376 §3.6.1 and §6.1.2, RFC 8301 §3.2, RFC 8463 §4
 */
import { createPublicKey, type KeyObject } from 'node:crypto'
import { colonList, tagList } from './tag-list.ts'

export type DkimKey = {
  readonly key: KeyObject
  readonly type: 'rsa' | 'ed25519'
  /** Of RSA. */
  readonly bits: number | undefined
  /** `h=`: the only hashes it may be used with. */
  readonly hashes: readonly string[] | undefined
  /** `t=s`: the domain of `i=` has to be that of `d=`. */
  readonly noSubdomains: boolean
}

/** Why a record has no key: a comment of RFC 8601; `weak-key` is a matter of policy. */
export type KeyProblem =
  | 'invalid public key'
  | 'unknown key version'
  | 'unknown key type'
  | 'key not for email'
  | 'weak-key'

const minBits = 1024

const remembered = new Map<string, DkimKey | KeyProblem>()
const mostRemembered = 1000
/** Of one record; a key of 4096 bits needs 800. */
const longestRemembered = 2048

/** `record`: its strings, joined. */
export function keyOf(record: string): DkimKey | KeyProblem {
  const known = remembered.get(record)
  if (known !== undefined) return known
  const found = readKey(record)
  if (record.length <= longestRemembered) {
    for (const oldest of remembered.keys()) {
      if (remembered.size < mostRemembered) break
      remembered.delete(oldest)
    }
    remembered.set(record, found)
  }
  return found
}

function readKey(record: string): DkimKey | KeyProblem {
  const { tags, first, valid } = tagList(record.replace(/\s+/g, ''))
  const value = tags.get('p') ?? ''
  // An empty `p=`: the key was revoked.
  if (!valid || value === '') return 'invalid public key'
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(value)) return 'invalid public key'
  if (tags.has('v') && (tags.get('v') !== 'DKIM1' || first !== 'v')) return 'unknown key version'
  const services = colonList(tags.get('s') ?? '*')
  if (!services.includes('email') && !services.includes('*')) return 'key not for email'
  const type = (tags.get('k') ?? 'rsa').toLowerCase()
  if (type !== 'rsa' && type !== 'ed25519') return 'unknown key type'
  const octets = Buffer.from(value, 'base64')
  const key = type === 'rsa' ? rsaKey(octets) : ed25519Key(octets)
  if (key === undefined) return type === 'rsa' ? 'unknown key type' : 'invalid public key'
  const bits = type === 'rsa' ? key.asymmetricKeyDetails?.modulusLength : undefined
  if (type === 'rsa' && (bits ?? 0) < minBits) return 'weak-key'
  return {
    key,
    type,
    bits,
    hashes: tags.has('h') ? colonList(tags.get('h') ?? '') : undefined,
    noSubdomains: colonList(tags.get('t') ?? '').includes('s'),
  }
}

/** SubjectPublicKeyInfo as everybody publishes it, or RSAPublicKey as §3.6.1 says. */
function rsaKey(key: Buffer): KeyObject | undefined {
  for (const type of ['spki', 'pkcs1'] as const) {
    try {
      const found = createPublicKey({ key, format: 'der', type })
      if (found.asymmetricKeyType === 'rsa') return found
    } catch {
      // The other form, then.
    }
  }
  return undefined
}

/** RFC 8463 §4: the bare key of 32 octets, which OpenSSL wants as SubjectPublicKeyInfo (RFC 8410 §4). */
function ed25519Key(octets: Buffer): KeyObject | undefined {
  if (octets.length !== 32) return undefined
  const key = Buffer.concat([Buffer.from('302a300506032b6570032100', 'hex'), octets])
  return createPublicKey({ key, format: 'der', type: 'spki' })
}
