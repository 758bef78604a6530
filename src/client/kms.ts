/** AWS KMS as a reader asks it. Its client is loaded by the first use: most readers have no KMS. */
import type { KMSClient } from '@aws-sdk/client-kms'
import type { DecryptDataKey } from '../seal/s3ec/keys.ts'

/** For kmsKey(): asks AWS KMS. `keyId` lets KMS refuse data keys of any other key (ARN, id or alias). */
export function kmsDecrypt(
  client: KMSClient,
  { keyId }: { readonly keyId?: string } = {},
): DecryptDataKey {
  return async (encryptedKey, context) => {
    const { DecryptCommand } = await import('@aws-sdk/client-kms')
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
