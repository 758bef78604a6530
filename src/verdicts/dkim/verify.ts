/**
 * DKIM: verifies the signatures of a message. Promises a result for each of the first `maxSignatures`, whatever
 * message and DNS hold; each body is hashed once for each form that is asked for; no key is asked for that
 * can't help. Never trusts what a field says before its signature is verified. RFC 6376 §6, RFC 8301,
 * RFC 8463, RFC 8601 §2.7.1
 */
import { createHash, verify } from 'node:crypto'
import type { Resolve } from '../../dns/resolver.ts'
import { errorCode, isNoRecord } from '../../errors.ts'
import type { CapturedMessage } from '../../mail/captured.ts'
import type { DkimResult } from '../../mail/verdict.ts'
import { isSameName } from '../names.ts'
import { type BodyHash, bodyHash } from './body-hash.ts'
import { type RawField, relaxedField, signedFields } from './fields.ts'
import { type DkimKey, type KeyProblem, keyOf } from './key.ts'
import {
  type Claims,
  type Read,
  readSignature,
  type Signature,
  withoutSignature,
} from './signature.ts'

export type VerifiedSignature = Claims & {
  readonly result: DkimResult
  readonly comment?: string
  readonly keyBits?: number
  /** With `l=`: octets of the canonical body that are signed, and how many there are. */
  readonly body?: { readonly signed: number; readonly total: number }
}

type Outcome = Pick<VerifiedSignature, 'result' | 'comment' | 'keyBits'>
type Body = ReturnType<BodyHash['finish']>

/** `fields`: those of the header section. What is beyond `maxSignatures` costs nothing (pitfalls P47). */
export async function verifyDkim(
  message: CapturedMessage,
  fields: readonly RawField[],
  maxSignatures: number,
  resolve: Resolve,
): Promise<{ readonly signatures: readonly VerifiedSignature[]; readonly unverified: number }> {
  const found = fields.filter(({ name }) => name === 'dkim-signature')
  const looked = found.slice(0, maxSignatures).map((field) => ({ field, ...readSignature(field) }))
  const bodies = await hashBodies(message, looked)
  const signatures = await Promise.all(
    looked.map(async (each): Promise<VerifiedSignature> => {
      if ('invalid' in each) return { ...each.claims, result: 'neutral', comment: each.invalid }
      const { claims, signature, field } = each
      const body = bodies.get(bodyOf(signature)) as Body
      const outcome = await verifyOne(
        signature,
        claims,
        body,
        () => signedOctets(fields, field, signature),
        resolve,
      )
      const { bodyLimit } = signature
      const cut =
        bodyLimit === undefined ? {} : { body: { signed: body.hashed, total: body.total } }
      return { ...claims, ...outcome, ...cut }
    }),
  )
  return { signatures, unverified: found.length - looked.length }
}

async function verifyOne(
  signature: Signature,
  { domain }: Claims,
  body: Body,
  signed: () => Buffer,
  resolve: Resolve,
): Promise<Outcome> {
  if (signature.bodyDigest !== body.digest)
    return { result: 'fail', comment: 'body hash did not verify' }
  // RFC 8301 §3.1
  if (signature.hash === 'sha1') return { result: 'policy', comment: 'weak algorithm' }
  const found = await keyFor(signature, resolve)
  if ('result' in found) return found
  const { key, type, bits, hashes, noSubdomains } = found
  const about = bits === undefined ? {} : { keyBits: bits }
  const neutral = (comment: string): Outcome => ({ ...about, result: 'neutral', comment })
  if (hashes !== undefined && !hashes.includes(signature.hash))
    return neutral('inappropriate hash algorithm')
  if (type !== signature.keyType) return neutral('inappropriate key algorithm')
  const { identityDomain, expires } = signature
  if (noSubdomains && identityDomain !== undefined && !isSameName(identityDomain, domain))
    return neutral('domain mismatch')
  const octets = signed()
  const valid =
    type === 'rsa'
      ? verify('sha256', octets, key, signature.signature)
      : verify(null, createHash('sha256').update(octets).digest(), key, signature.signature)
  if (!valid) return { ...about, result: 'fail', comment: 'bad signature' }
  if (expires !== undefined && expires * 1000 < Date.now()) return neutral('expired')
  return { ...about, result: 'pass' }
}

/** §6.1.2: the key; or what is to be said when there is none. */
async function keyFor({ keyName }: Signature, resolve: Resolve): Promise<DkimKey | Outcome> {
  let records: unknown
  try {
    records = await resolve(keyName, 'TXT')
  } catch (error) {
    return isNoRecord(error)
      ? { result: 'neutral', comment: 'no key' }
      : { result: 'temperror', comment: `DNS failure: ${errorCode(error) ?? 'EUNKNOWN'}` }
  }
  const [record] = Array.isArray(records) ? (records as readonly (readonly string[])[]) : []
  const found = keyOf(record?.join('') ?? '')
  return typeof found === 'string' ? problemOutcome(found) : found
}

function problemOutcome(problem: KeyProblem): Outcome {
  return { result: problem === 'weak-key' ? 'policy' : 'neutral', comment: problem }
}

/** §3.7: the octets that are signed. */
function signedOctets(
  fields: readonly RawField[],
  own: RawField,
  { headerForm, fields: names }: Signature,
): Buffer {
  const form = headerForm === 'relaxed' ? relaxedField : ({ line }: RawField) => line
  const signed = signedFields(fields, names).map((field) => `${form(field)}\r\n`)
  return Buffer.from(signed.join('') + withoutSignature(form(own)), 'latin1')
}

function bodyOf({ bodyForm, hash, bodyLimit }: Signature): string {
  return `${bodyForm} ${hash} ${bodyLimit ?? ''}`
}

/** One pass over the message for all its signatures. */
async function hashBodies(
  message: CapturedMessage,
  reads: readonly Read[],
): Promise<ReadonlyMap<string, Body>> {
  const hashes = new Map<string, BodyHash>()
  for (const each of reads) {
    if (!('signature' in each)) continue
    const { bodyForm, hash, bodyLimit } = each.signature
    const name = bodyOf(each.signature)
    if (!hashes.has(name)) hashes.set(name, bodyHash(bodyForm, hash, bodyLimit))
  }
  if (hashes.size > 0) {
    let skip = message.header.length
    for await (const octets of message.read()) {
      const body = octets.subarray(Math.min(skip, octets.length))
      skip -= octets.length - body.length
      if (body.length > 0) for (const each of hashes.values()) each.update(body)
    }
  }
  return new Map([...hashes].map(([name, each]) => [name, each.finish()]))
}
