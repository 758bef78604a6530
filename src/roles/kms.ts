/**
 * Fresh data keys from AWS KMS. The client is loaded and made by the first use; a failure is transient
 * whatever its kind, since mail waits in the spool until somebody has given the rights.
 */
import type { GenerateDataKeyCommandOutput, KMSClient } from '@aws-sdk/client-kms'
import type { KeyConfig } from '../config/options.ts'
import { describeError } from '../errors.ts'
import type { Context } from '../seal/s3ec/format.ts'
import type { GeneratedKey } from '../seal/s3ec/seal.ts'

export type DataKeySource = {
  readonly generateDataKey: (context: Context) => Promise<GeneratedKey>
  readonly close: () => void
}

const TIMEOUT_MS = 10_000

export function kmsDataKeys(key: Extract<KeyConfig, { type: 'kms' }>): DataKeySource {
  let client: KMSClient | undefined
  return {
    async generateDataKey(context) {
      const { KMSClient, GenerateDataKeyCommand } = await import('@aws-sdk/client-kms')
      client ??= new KMSClient(settingsOf(key))
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

function settingsOf({
  arn,
  region,
  endpoint,
  accessKeyId,
  secretAccessKey,
}: Extract<KeyConfig, { type: 'kms' }>) {
  return {
    region: region ?? arn.split(':')[3] ?? 'us-east-1',
    maxAttempts: 2,
    requestHandler: {
      requestTimeout: TIMEOUT_MS,
      connectionTimeout: 5000,
      throwOnRequestTimeout: true,
    },
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(accessKeyId === undefined || secretAccessKey === undefined
      ? {}
      : { credentials: { accessKeyId, secretAccessKey } }),
  }
}
