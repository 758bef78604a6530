/**
 * Opens an object that an S3 Encryption Client sealed. The whole of it passes its check before a byte is
 * given out, since GCM checks nothing before its end: it is held in memory, up to a size that the
 * caller chooses. Web Crypto, off the main thread; runs in browsers.
 */
import { contentKeyOf, V3_IV } from './derive.ts'
import { S3ecError } from './error.ts'
import { type Sealing, SUITE_ID, TAG } from './format.ts'
import { dataKeyOf, type OpeningKey } from './keys.ts'

type Bytes = Uint8Array<ArrayBuffer>

export type S3ecPolicy = {
  /** Whether v1, and what Amazon SES writes, is opened. */
  readonly legacy?: boolean | undefined
  /** Whether what has no key commitment is refused: everything but v3. */
  readonly requireCommitment?: boolean | undefined
}

/** Throws S3ecError for a format that `policy` does not open. To be asked before the body is fetched. */
export function requireAllowed(sealing: Sealing, policy: S3ecPolicy): void {
  const { version } = sealing
  if (version === 'legacy' && policy.legacy !== true) {
    throw new S3ecError('legacy-format', { subject: sealing.wrap })
  }
  if (version !== 'v3' && policy.requireCommitment === true) throw new S3ecError('no-commitment')
}

/** The content. `body` is the whole object. Throws S3ecError. */
export async function openS3ec(
  sealing: Sealing,
  body: Bytes,
  keys: readonly OpeningKey[],
): Promise<Bytes> {
  if (body.length < TAG) throw new S3ecError('truncated')
  const dataKey = await dataKeyOf(sealing, keys)
  try {
    const [key, how] = await cipherOf(sealing, dataKey)
    return new Uint8Array(await crypto.subtle.decrypt(how, key, body))
  } catch (cause) {
    throw cause instanceof S3ecError ? cause : new S3ecError('content-failed')
  } finally {
    dataKey.fill(0)
  }
}

async function cipherOf(sealing: Sealing, dataKey: Bytes) {
  const imported = (key: Bytes, name: string) =>
    crypto.subtle.importKey('raw', key, name, false, ['decrypt'])
  if (sealing.version === 'v3') {
    const contentKey = await contentKeyOf(dataKey, sealing)
    const key = await imported(contentKey, 'AES-GCM')
    contentKey.fill(0)
    return [key, { name: 'AES-GCM', iv: V3_IV, additionalData: SUITE_ID }] as const
  }
  const isCbc = sealing.version === 'legacy' && sealing.content === 'AES/CBC/PKCS5Padding'
  const name = isCbc ? 'AES-CBC' : 'AES-GCM'
  return [await imported(dataKey, name), { name, iv: sealing.iv }] as const
}
