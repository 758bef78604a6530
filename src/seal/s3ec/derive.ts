/** v3's derivation: HKDF-SHA-512 (RFC 5869) of the data key, salted by the message id. Web Crypto. */
import { COMMITMENT, DATA_KEY, SUITE_ID } from './format.ts'

type Bytes = Uint8Array<ArrayBuffer>

const ascii = new TextEncoder()
const infoOf = (label: string) => Uint8Array.of(...SUITE_ID, ...ascii.encode(label))
export const CONTENT_INFO = infoOf('DERIVEKEY')
export const COMMIT_INFO = infoOf('COMMITKEY')

/** The content's IV in v3: the key is used once, so the IV need not vary. */
export const V3_IV = new Uint8Array(12).fill(0x01)

/** The key of the content, and the commitment to the data key that the metadata holds. */
export async function derive(
  dataKey: Bytes,
  messageId: Bytes,
): Promise<{ readonly contentKey: Bytes; readonly commitment: Bytes }> {
  const key = await crypto.subtle.importKey('raw', dataKey, 'HKDF', false, ['deriveBits'])
  const bits = async (info: Bytes, length: number): Promise<Bytes> => {
    const how = { name: 'HKDF', hash: 'SHA-512', salt: messageId, info }
    return new Uint8Array(await crypto.subtle.deriveBits(how, key, 8 * length))
  }
  const contentKey = await bits(CONTENT_INFO, DATA_KEY)
  return { contentKey, commitment: await bits(COMMIT_INFO, COMMITMENT) }
}
