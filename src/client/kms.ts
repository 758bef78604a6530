/** AWS KMS as a reader asks it. A module of its own: what does not use KMS need not bundle its client. */
import { DecryptCommand, type KMSClient } from '@aws-sdk/client-kms'
import type { DecryptDataKey } from '../seal/s3ec/keys.ts'

/** For kmsKey(): asks AWS KMS. `keyId` lets KMS refuse data keys of any other key (ARN, id or alias). */
export function kmsDecrypt(
  client: KMSClient,
  { keyId }: { readonly keyId?: string } = {},
): DecryptDataKey {
  return async (encryptedKey, context) => {
    const { Plaintext } = await client.send(
      new DecryptCommand({
        CiphertextBlob: encryptedKey,
        EncryptionContext: { ...context },
        ...(keyId === undefined ? {} : { KeyId: keyId }),
      }),
    )
    if (Plaintext === undefined) throw new Error('KMS answered without a data key')
    return Plaintext
  }
}
