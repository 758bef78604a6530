/** The S3 client of the server: kept connections, bounded waits and tries. `destroy()` closes them. */
import { S3Client } from '@aws-sdk/client-s3'
import { UserError } from '../errors.ts'

/** How long a server is waited for. */
const PATIENCE = {
  /** For a TCP and TLS connection. */
  connectMs: 10_000,
  /** Nothing sent and nothing received on a connection: the server is gone, or a reader stalls it. */
  idleMs: 30_000,
  /**
   * One request but a GET, at most a part of an upload, to the end of its answer: a server that answers drop
   * by drop is never idle, and would keep every delivery waiting. 28 KB/s are enough.
   */
  requestMs: 300_000,
} as const
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

export function s3Client(
  settings: S3Settings,
  patience: { readonly [Wait in keyof typeof PATIENCE]: number } = PATIENCE,
): S3Client {
  const { endpoint, region = 'us-east-1', forcePathStyle } = settings
  const credentials = credentialsOf(settings)
  const agent = { keepAlive: true, maxSockets: CONNECTIONS }
  const client = new S3Client({
    region,
    ...(endpoint !== undefined && { endpoint }),
    ...(forcePathStyle !== undefined && { forcePathStyle }),
    ...(credentials !== undefined && { credentials }),
    maxAttempts: REQUEST_ATTEMPTS,
    // Servers other than Amazon's store the SDK's checksum trailers, refuse or omit them.
    requestChecksumCalculation: 'WHEN_REQUIRED',
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: {
      connectionTimeout: patience.connectMs,
      socketTimeout: patience.idleMs,
      httpAgent: agent,
      httpsAgent: agent,
    },
  })
  boundRequests(client, patience.requestMs)
  return client
}

/** The SDK's own requestTimeout ends with the head of the answer. */
function boundRequests({ config: { requestHandler } }: S3Client, requestMs: number): void {
  const handle = requestHandler.handle.bind(requestHandler)
  requestHandler.handle = (request, options) =>
    request.method === 'GET'
      ? handle(request, options)
      : handle(request, { ...options, abortSignal: AbortSignal.timeout(requestMs) })
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
