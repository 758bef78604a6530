/** Data keys for what tests seal: by GenerateDataKey, asked as Amazon SES asks it. */
import { GenerateDataKeyCommand, KMSClient } from '@aws-sdk/client-kms'
import type { RunningKms } from './kms.ts'
import type { NewDataKey } from './ses-bucket.ts'

export function kmsClient(kms: RunningKms): KMSClient {
  const { endpoint, region, accessKeyId, secretAccessKey } = kms
  const credentials = { accessKeyId, secretAccessKey }
  return new KMSClient({ endpoint, region, credentials, maxAttempts: 1 })
}

export function newDataKeys(client: KMSClient, keyId: string): NewDataKey {
  return async (context) => {
    const asked = { KeyId: keyId, KeySpec: 'AES_256', EncryptionContext: { ...context } } as const
    const made = await client.send(new GenerateDataKeyCommand(asked))
    const { Plaintext = new Uint8Array(), CiphertextBlob = new Uint8Array() } = made
    return { plaintext: Plaintext, encrypted: CiphertextBlob }
  }
}
