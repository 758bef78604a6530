/**
 * Fresh data keys from AWS KMS. The client is loaded and made by the first use. That there is no data
 * key is transient, whatever the reason: mail waits in the spool until somebody has given the rights.
 */
import type { GenerateDataKeyCommandOutput, KMSClient, KMSClientConfig } from '@aws-sdk/client-kms'
import type { KeyConfig } from '../config/options.ts'
import { describeError } from '../errors.ts'
import { awsSettings, regionOf } from '../notify/aws-settings.ts'
import type { Context } from '../seal/s3ec/format.ts'
import type { GeneratedKey } from '../seal/s3ec/seal.ts'

export type DataKeySource = {
  readonly generateDataKey: (context: Context) => Promise<GeneratedKey>
  readonly close: () => void
}

type KmsConfig = Extract<KeyConfig, { type: 'kms' }>

const TIMEOUT_MS = 10_000

export function kmsDataKeys(key: KmsConfig): DataKeySource {
  let client: KMSClient | undefined
  return {
    async generateDataKey(context) {
      const { KMSClient, GenerateDataKeyCommand } = await import('@aws-sdk/client-kms')
      client ??= new KMSClient(kmsSettings(key))
      const asked = {
        KeyId: key.arn,
        KeySpec: 'AES_256',
        EncryptionContext: { ...context },
      } as const
      let answer: GenerateDataKeyCommandOutput
      try {
        answer = await client.send(new GenerateDataKeyCommand(asked))
      } catch (cause) {
        throw new Error(`KMS gives no data key of ${key.arn}: ${describeError(cause)}`, { cause })
      }
      const { Plaintext: dataKey, CiphertextBlob: encryptedKey } = answer
      if (dataKey === undefined || encryptedKey === undefined) {
        throw new Error(`KMS gives no data key of ${key.arn}: its answer holds none`)
      }
      return { dataKey, encryptedKey }
    },
    close() {
      client?.destroy()
    },
  }
}

/** How to reach the KMS of a key; what is not said is as the environment says. */
export function kmsSettings(key: Partial<KmsConfig>): KMSClientConfig {
  const region = key.region ?? regionOf(key.arn)
  const place = region === undefined ? key : { ...key, region }
  return awsSettings(place, { timeoutMs: TIMEOUT_MS, maxAttempts: 2 })
}
