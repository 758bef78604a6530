/** v3's derivation: HKDF-SHA-512 (RFC 5869) of the data key, salted by the message id. Web Crypto. */
import { S3ecError } from './error.ts'
import { COMMITMENT, DATA_KEY, type Sealing, SUITE_ID } from './format.ts'

type Bytes = Uint8Array<ArrayBuffer>

const ascii = new TextEncoder()
const infoOf = (label: string) => Uint8Array.of(...SUITE_ID, ...ascii.encode(label))
export const CONTENT_INFO = infoOf('DERIVEKEY')
export const COMMIT_INFO = infoOf('COMMITKEY')

/** The content's IV in v3: the key is used once, so the IV need not vary. */
export const V3_IV = new Uint8Array(12).fill(0x01)

/** The key of the content, of the data key that the metadata commits to. Throws S3ecError for another. */
export async function contentKeyOf(
  dataKey: Bytes,
  { messageId, commitment }: Extract<Sealing, { version: 'v3' }>,
): Promise<Bytes> {
  const key = await crypto.subtle.importKey('raw', dataKey, 'HKDF', false, ['deriveBits'])
  const bits = async (info: Bytes, length: number): Promise<Bytes> => {
    const how = { name: 'HKDF', hash: 'SHA-512', salt: messageId, info }
    return new Uint8Array(await crypto.subtle.deriveBits(how, key, 8 * length))
  }
  if (!equal(await bits(COMMIT_INFO, COMMITMENT), commitment)) throw new S3ecError('bad-commitment')
  return bits(CONTENT_INFO, DATA_KEY)
}

/** In constant time; both have one length. */
function equal(a: Uint8Array, b: Uint8Array): boolean {
  let difference = a.length ^ b.length
  for (const [index, byte] of a.entries()) difference |= byte ^ (b[index] ?? 0)
  return difference === 0
}
