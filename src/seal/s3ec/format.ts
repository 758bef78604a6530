/**
 * The object formats of Amazon's S3 Encryption Clients: what stands in the metadata of an object and
 * what it says of the content. Pure; runs in browsers. docs/s3-encryption-client.md has the bytes.
 *
 *   v3   AES-256-GCM under a key derived from the data key, which the metadata commits to
 *   v2   AES-256-GCM under the data key itself
 *   v1   AES-CBC, and v2's metadata with one of the older wraps: legacy, read and never written
 *
 * Metadata is not authenticated: everything here is hostile until the content has passed its check.
 */
import { fromBase64, toBase64 } from '../base64.ts'
import { S3ecError } from './error.ts'

/** The formats that are written. */
export type S3ecVersion = 'v3' | 'v2'

export type Context = Readonly<Record<string, string>>
/** User metadata: keys in lower case, without `x-amz-meta-`. */
export type Metadata = Readonly<Record<string, string>>

/** How the data key is wrapped, in the words of v2's `x-amz-wrap-alg`. */
export type Wrap = 'RSA-OAEP-SHA1' | 'AES/GCM' | 'kms+context'
/** What older clients, and Amazon SES, wrote. `v1` is AES/ECB or RSA PKCS #1 v1.5, whichever the key is. */
export type LegacyWrap = 'kms' | 'AESWrap' | 'v1'

/** What the metadata of an object says of it. */
export type Sealing = {
  readonly encryptedKey: Uint8Array<ArrayBuffer>
  /** The encryption context of KMS; of other keys the material description, which binds nothing. */
  readonly context: Context
} & (
  | {
      readonly version: 'v3'
      readonly wrap: Wrap
      readonly commitment: Uint8Array<ArrayBuffer>
      readonly messageId: Uint8Array<ArrayBuffer>
    }
  | { readonly version: 'v2'; readonly wrap: Wrap; readonly iv: Uint8Array<ArrayBuffer> }
  | {
      readonly version: 'legacy'
      readonly wrap: LegacyWrap
      readonly content: 'AES/GCM/NoPadding' | 'AES/CBC/PKCS5Padding'
      readonly iv: Uint8Array<ArrayBuffer>
    }
)

export const TAG = 16
export const MESSAGE_ID = 28
export const COMMITMENT = 28
export const DATA_KEY = 32
/** Algorithm suite 115, ALG_AES_256_GCM_HKDF_SHA512_COMMIT_KEY. */
export const SUITE = '115'
export const SUITE_ID = Uint8Array.of(0x00, 0x73)
export const GCM = 'AES/GCM/NoPadding'
const CBC = 'AES/CBC/PKCS5Padding'
/** What v3 binds a wrap to, and v2. */
export const boundTo = (version: 'v3' | 'v2' | 'legacy'): string => (version === 'v3' ? SUITE : GCM)
/** Under which name KMS is told the content's algorithm; a user's pair may not have it. */
export const RESERVED_CONTEXT = 'aws:x-amz-cek-alg'

/** v3's short names of the wraps. */
const wrapCodes = { 'AES/GCM': '02', 'kms+context': '12', 'RSA-OAEP-SHA1': '22' } as const

const legacyWraps = ['kms', 'AESWrap'] as const

/** The metadata of a sealed object. `length` is that of the plaintext, where it is known. */
export function metadataOf(
  sealing: Exclude<Sealing, { version: 'legacy' }>,
  length?: number,
): Record<string, string> {
  const { encryptedKey, context, wrap } = sealing
  if (sealing.version === 'v3') {
    return {
      'x-amz-c': SUITE,
      'x-amz-3': toBase64(encryptedKey),
      'x-amz-w': wrapCodes[wrap],
      'x-amz-d': toBase64(sealing.commitment),
      'x-amz-i': toBase64(sealing.messageId),
      // Even when empty: Ruby hands the raw value to custom key providers.
      [wrap === 'kms+context' ? 'x-amz-t' : 'x-amz-m']: JSON.stringify(context),
    }
  }
  return {
    'x-amz-key-v2': toBase64(encryptedKey),
    'x-amz-iv': toBase64(sealing.iv),
    'x-amz-cek-alg': GCM,
    'x-amz-tag-len': String(8 * TAG),
    'x-amz-wrap-alg': wrap,
    // Ruby requires it, empty or not.
    'x-amz-matdesc': JSON.stringify(context),
    ...(length === undefined ? {} : { 'x-amz-unencrypted-content-length': String(length) }),
  }
}

/** Of each format, the metadata that only it has; the newest first. */
const marks = { v3: ['x-amz-3', 'x-amz-d', 'x-amz-i'], v2: ['x-amz-key-v2'], v1: ['x-amz-key'] }

/** What each format keeps, whether in the metadata or in an instruction file. */
export const sealingKeys: readonly string[] = [
  ...['x-amz-c', 'x-amz-3', 'x-amz-w', 'x-amz-d', 'x-amz-i', 'x-amz-t', 'x-amz-m'],
  ...['x-amz-key-v2', 'x-amz-iv', 'x-amz-cek-alg', 'x-amz-tag-len', 'x-amz-wrap-alg'],
  ...['x-amz-matdesc', 'x-amz-key', 'x-amz-unencrypted-content-length'],
]

/** Where the encrypted data key of an object is, if the metadata tells: here, or in KEY.instruction. */
export function whereKeyIs(metadata: Metadata): 'metadata' | 'instruction' | undefined {
  const has = (key: string): boolean => metadata[key] !== undefined
  if (has('x-amz-3') || has('x-amz-key-v2') || has('x-amz-key')) return 'metadata'
  // v3 leaves suite, commitment and message id on the object, Ruby's v2 the length alone.
  const left = ['x-amz-c', 'x-amz-d', 'x-amz-i', 'x-amz-unencrypted-content-length']
  return left.some(has) ? 'instruction' : undefined
}

/**
 * What metadata and, where there is one, the instruction file say. `undefined` when neither says
 * anything. Throws S3ecError for what contradicts itself, is cut or has algorithms unknown here.
 */
export function sealingOf(metadata: Metadata, instruction: Metadata = {}): Sealing | undefined {
  // What commits an object to its key stays on the object: a file beside it must not replace that.
  const beside = Object.entries(instruction).filter(
    ([key]) => !['x-amz-c', 'x-amz-d', 'x-amz-i'].includes(key),
  )
  const said: Metadata = { ...Object.fromEntries(beside), ...metadata }
  const formats = Object.entries(marks).filter(([, keys]) =>
    keys.some((key) => said[key] !== undefined),
  )
  const [format, another] = formats.map(([name]) => name)
  if (another !== undefined) throw new S3ecError('mixed-formats')
  if (format === 'v3') return v3Of(said)
  if (format === 'v2') return v2Of(said)
  if (format === 'v1') return v1Of(said)
  return undefined
}

function v3Of(said: Metadata): Sealing {
  expectOne(said, 'x-amz-c', [SUITE])
  const code = expectOne(said, 'x-amz-w', Object.values(wrapCodes))
  const wrap = (Object.keys(wrapCodes) as Wrap[]).find((name) => wrapCodes[name] === code)
  if (wrap === undefined) throw new S3ecError('unknown-algorithm', { subject: 'x-amz-w' })
  return {
    version: 'v3',
    wrap,
    encryptedKey: bytesAt(said, 'x-amz-3'),
    commitment: bytesAt(said, 'x-amz-d', COMMITMENT),
    messageId: bytesAt(said, 'x-amz-i', MESSAGE_ID),
    context: pairsAt(said, wrap === 'kms+context' ? 'x-amz-t' : 'x-amz-m'),
  }
}

function v2Of(said: Metadata): Sealing {
  const content = expectOne(said, 'x-amz-cek-alg', [GCM, CBC] as const)
  const wraps = ['RSA-OAEP-SHA1', 'AES/GCM', 'kms+context', ...legacyWraps] as const
  const wrap = expectOne(said, 'x-amz-wrap-alg', wraps)
  const encryptedKey = bytesAt(said, 'x-amz-key-v2')
  const context = pairsAt(said, 'x-amz-matdesc')
  const iv = bytesAt(said, 'x-amz-iv', content === GCM ? 12 : 16)
  if (content === GCM && said['x-amz-tag-len'] !== undefined) {
    expectOne(said, 'x-amz-tag-len', [String(8 * TAG)])
  }
  if (isLegacy(wrap)) return { version: 'legacy', wrap, content, encryptedKey, context, iv }
  // Nobody writes CBC, which checks nothing, with a wrap of v2: who says so has changed the word.
  if (content !== GCM) throw new S3ecError('unknown-algorithm', { subject: `${content}, ${wrap}` })
  return { version: 'v2', wrap, encryptedKey, context, iv }
}

function v1Of(said: Metadata): Sealing {
  const encryptedKey = bytesAt(said, 'x-amz-key')
  const context = pairsAt(said, 'x-amz-matdesc')
  const iv = bytesAt(said, 'x-amz-iv', 16)
  return { version: 'legacy', wrap: 'v1', content: CBC, encryptedKey, context, iv }
}

function isLegacy(wrap: Wrap | LegacyWrap): wrap is LegacyWrap {
  return (legacyWraps as readonly string[]).includes(wrap)
}

function expectOne<const Word extends string>(
  said: Metadata,
  key: string,
  words: readonly Word[],
): Word {
  const value = said[key]
  if (value === undefined) throw new S3ecError('bad-metadata', { subject: key })
  const found = words.find((word) => word === value)
  if (found === undefined) {
    throw new S3ecError('unknown-algorithm', { subject: `${key} ${value.slice(0, 60)}` })
  }
  return found
}

/** RFC 4648 §4, padded and canonical; S3 keeps 2 KB of metadata in all. */
function bytesAt(said: Metadata, key: string, length?: number): Uint8Array<ArrayBuffer> {
  const bytes = fromBase64(said[key] ?? '')
  if (bytes === undefined || bytes.length === 0 || (length ?? bytes.length) !== bytes.length) {
    throw new S3ecError('bad-metadata', { subject: key })
  }
  return bytes
}

/** A JSON object of texts; absent is empty, as Java leaves it. */
function pairsAt(said: Metadata, key: string): Context {
  const text = said[key] ?? '{}'
  const pairs = parseObject(text === '' ? '{}' : text)
  const isText = (value: unknown): value is string => typeof value === 'string'
  if (pairs === undefined || !Object.values(pairs).every(isText)) {
    throw new S3ecError('bad-metadata', { subject: key })
  }
  // A null prototype: a pair may be called __proto__.
  return Object.assign(Object.create(null), pairs) as Context
}

/** An instruction file, KEY.instruction: one JSON object of texts. Throws S3ecError. */
export function parseInstruction(text: string): Metadata {
  const found = parseObject(text)
  if (found === undefined || !Object.values(found).every((each) => typeof each === 'string')) {
    throw new S3ecError('bad-metadata', { subject: 'the instruction file' })
  }
  return Object.fromEntries(
    Object.entries(found).map(([key, value]) => [key.toLowerCase(), value as string]),
  )
}

function parseObject(text: string): Record<string, unknown> | undefined {
  try {
    const value: unknown = JSON.parse(text)
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value)
    return isObject ? (value as Record<string, unknown>) : undefined
  } catch {
    return undefined
  }
}
