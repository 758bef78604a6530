/** The S3 client of the server: kept connections, bounded waits and tries. `destroy()` closes them. */
import { S3Client } from '@aws-sdk/client-s3'
import { UserError } from '../errors.ts'

/** Waiting for a TCP and TLS connection. */
const CONNECT_TIMEOUT_MS = 10_000
/** Nothing sent and nothing received on a connection: the server is gone, or a reader stalls it. */
const IDLE_TIMEOUT_MS = 30_000
/** The SDK's own tries at one request; a job's retries come on top. */
const REQUEST_ATTEMPTS = 3
/** Connections to one server; requests above wait. A body that is not released keeps one. */
export const CONNECTIONS = 50

export type S3Settings = {
  /** Absent for Amazon S3. */
  readonly endpoint?: string | undefined
  readonly region?: string | undefined
  /** http://host/bucket instead of http://bucket.host: for servers without wildcard DNS. */
  readonly forcePathStyle?: boolean | undefined
  /** Absent for the SDK's own search: environment, profile, instance role. */
  readonly accessKeyId?: string | undefined
  readonly secretAccessKey?: string | undefined
  readonly sessionToken?: string | undefined
}

export function s3Client(settings: S3Settings): S3Client {
  const { endpoint, region = 'us-east-1', forcePathStyle } = settings
  const credentials = credentialsOf(settings)
  const agent = { keepAlive: true, maxSockets: CONNECTIONS }
  return new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...(forcePathStyle !== undefined && { forcePathStyle }),
    ...(credentials !== undefined && { credentials }),
    maxAttempts: REQUEST_ATTEMPTS,
    // Servers other than Amazon's store the SDK's checksum trailers, refuse or omit them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: CONNECT_TIMEOUT_MS,
      socketTimeout: IDLE_TIMEOUT_MS,
      httpAgent: agent,
      httpsAgent: agent,
    },
  })
}

function credentialsOf({ accessKeyId, secretAccessKey, sessionToken }: S3Settings) {
  if (accessKeyId === undefined && secretAccessKey === undefined) return undefined
  if (accessKeyId === undefined || secretAccessKey === undefined) {
    throw new UserError(
      'An S3 store has only one of accessKeyId and secretAccessKey: give both, or neither to use the environment.',
    )
  }
  return { accessKeyId, secretAccessKey, ...(sessionToken !== undefined && { sessionToken }) }
}
