/** AWS KMS for the commands that read mail. Its client is loaded when the first object needs it. */
import type { KMSClientConfig } from '@aws-sdk/client-kms'
import { type KmsKey, kmsDecrypt, kmsKey } from '../client/index.ts'
import type { Config } from '../config/options.ts'
import { kmsSettings } from '../roles/kms.ts'
import type { Context } from '../seal/s3ec/format.ts'

/**
 * What decrypts data keys: KMS as each kms key of the configuration is reached, else as the environment says,
 * in the region of the key that Amazon SES has noted.
 */
export function kmsReaders({ keys }: Config): KmsKey[] {
  const configured = Object.values(keys).filter((key) => key.type === 'kms')
  if (configured.length > 0) return configured.map((key) => readerOf(() => kmsSettings(key)))
  return [readerOf(({ kms_cmk_id: arn }) => kmsSettings(arn === undefined ? {} : { arn }))]
}

function readerOf(settings: (context: Context) => KMSClientConfig): KmsKey {
  return kmsKey(async (encryptedKey, context) => {
    const { KMSClient } = await import('@aws-sdk/client-kms')
    const client = new KMSClient(settings(context))
    try {
      return await kmsDecrypt(client)(encryptedKey, context)
    } finally {
      client.destroy()
    }
  })
}
