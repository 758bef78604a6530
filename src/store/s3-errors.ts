/** What an S3 server's refusal means to the person who can mend it. Runs in browsers. */
import { type S3Client, S3ServiceException } from '@aws-sdk/client-s3'

/** What a request is for, in words, and where it goes. */
export type Asked = { readonly client: S3Client; readonly bucket: string; readonly doing: string }

/**
 * Waits for a server's answer. Whatever goes wrong is thrown as one sentence naming bucket, endpoint
 * and, where it is known, the remedy; what was thrown first is its cause.
 */
export async function answerTo<T>(
  { client, bucket, doing }: Asked,
  request: Promise<T>,
): Promise<T> {
  try {
    return await request
  } catch (cause) {
    const where = `bucket ${bucket} at ${await endpointOf(client)}`
    throw new Error(`could not ${doing} in ${where}${remedyFor(cause)}`, { cause })
  }
}

/** Whether `answerTo` threw this because nothing is there. HEAD has no body, so only its status says so. */
export function isMissing(error: unknown): boolean {
  const refusal = refusalOf(error)
  return refusal?.$metadata.httpStatusCode === 404 && refusal.name !== 'NoSuchBucket'
}

/** Whether `answerTo` threw this because If-None-Match: * found an object. */
export function isTaken(error: unknown): boolean {
  return refusalOf(error)?.$metadata.httpStatusCode === 412
}

function refusalOf(error: unknown): S3ServiceException | undefined {
  if (!(error instanceof Error) || !(error.cause instanceof S3ServiceException)) return undefined
  return error.cause
}

function remedyFor(error: unknown): string {
  if (!(error instanceof S3ServiceException)) return ''
  switch (error.name) {
    case 'NoSuchBucket':
      return ': create the bucket, or correct its name'
    case 'InvalidAccessKeyId':
    case 'SignatureDoesNotMatch':
      return ': correct the access key and its secret'
    case 'RequestTimeTooSkewed':
      return ": set this machine's clock"
    case 'PermanentRedirect':
    case 'AuthorizationHeaderMalformed':
      return ": correct the bucket's region"
  }
  // AWS: without s3:ListBucket a key that is not there is answered 403, too.
  if (error.$metadata.httpStatusCode === 403)
    return ': correct the access key, or allow it s3:PutObject, s3:GetObject and s3:ListBucket there'
  return ''
}

async function endpointOf(client: S3Client): Promise<string> {
  const endpoint = await client.config.endpoint?.()
  if (endpoint === undefined) return `Amazon S3 ${await client.config.region()}`
  const port = endpoint.port === undefined ? '' : `:${endpoint.port}`
  return `${endpoint.protocol}//${endpoint.hostname}${port}`
}
