/**
 * Puts a small object where there is none. The SDK takes 0.9 ms of CPU for 64 KiB to make, sign and send a
 * request and to read its answer; one that is made here, and signed and sent by the SDK's own parts,
 * takes 0.3. How a bucket is addressed is learned from a put by the SDK that was done. To the SDK goes,
 * besides the first, whatever is not the usual case, and whatever was not answered as usual: it tries again,
 * and it knows what errors mean.
 */
import { PutObjectCommand, type S3Client } from '@aws-sdk/client-s3'
import type { PutOptions } from './object-store.ts'
import { answerTo, isTaken } from './s3-errors.ts'
import type { S3StoreOptions } from './s3-read.ts'

type Request = Parameters<S3Client['config']['requestHandler']['handle']>[0]
type Signer = { readonly sign: (request: Request, at: { signingDate: Date }) => Promise<Request> }

/** How requests for a bucket are made. */
type Way = {
  readonly to: Pick<Request, 'protocol' | 'hostname' | 'query'> & { readonly port?: number }
  /** Of the request and of its Host field. */
  readonly path: string
  readonly headers: Readonly<Record<string, string>>
  readonly signer: Signer
}

/** `taken`: If-None-Match found an object. Throws as the SDK does, named by `answerTo`. */
export type Put = (key: string, content: Buffer, options: PutOptions) => Promise<'stored' | 'taken'>

export function smallPuts({ client, bucket }: S3StoreOptions): Put {
  let way: Way | undefined

  async function bySdk(key: string, content: Buffer, options: PutOptions) {
    const command = new PutObjectCommand({
      Bucket: bucket,
      Key: key,
      Body: content,
      ContentLength: content.length,
      ContentType: options.contentType,
      Metadata: { ...options.metadata },
      IfNoneMatch: '*',
    })
    command.middlewareStack.add(
      (next) => async (given) => {
        const done = await next(given)
        if (statusOf(done.response) === 200)
          way = await wayOf(client, given.request as Request, key)
        return done
      },
      // The last before the network: it sees what is sent and what is answered.
      { step: 'deserialize', priority: 'low', name: 'learnTheWay' },
    )
    try {
      await answerTo({ client, bucket, doing: `put ${key}` }, client.send(command))
      return 'stored'
    } catch (error) {
      if (isTaken(error)) return 'taken'
      throw error
    }
  }

  return async (key, content, options) => {
    const headers = way && headersOf(way, content, options)
    if (way === undefined || headers === undefined || !plainKey.test(key))
      return bySdk(key, content, options)
    const status = await send(client, way, { key, headers, body: content })
    if (status === 200) return 'stored'
    return status === 412 ? 'taken' : bySdk(key, content, options)
  }
}

/** What stands in a path as it is, for every server. */
const plainKey = /^[\w-][\w.-]*(?:\/[\w-][\w.-]*)*$/

/** What stands in a header field, and in what is signed, as it is. */
const plainValue = /^[\x21-\x7e]+(?: [\x21-\x7e]+)*$/

/** Undefined where the SDK has to say what becomes of a value. */
function headersOf(
  way: Way,
  content: Buffer,
  { contentType, metadata }: PutOptions,
): Record<string, string> | undefined {
  const headers: Record<string, string> = {
    ...way.headers,
    'content-type': contentType,
    'content-length': String(content.length),
    'if-none-match': '*',
  }
  for (const [name, value] of Object.entries(metadata)) {
    if (!plainValue.test(value)) return undefined
    headers[`x-amz-meta-${name.toLowerCase()}`] = value
  }
  return headers
}

type Content = {
  readonly key: string
  readonly headers: Record<string, string>
  readonly body: Buffer
}

/** The status of the answer; undefined when there was none. */
async function send(
  { config }: S3Client,
  { to, path, signer }: Way,
  { key, headers, body }: Content,
): Promise<number | undefined> {
  try {
    const made = { ...to, method: 'PUT', path: path + key, headers, body } as Request
    // What the SDK has found the server's clock to be.
    const signingDate = new Date(Date.now() + config.systemClockOffset)
    const { response } = await config.requestHandler.handle(
      await signer.sign(made, { signingDate }),
    )
    // An answer that is not read would keep the connection.
    response.body?.resume()
    return response.statusCode
  } catch {
    return undefined
  }
}

/** Undefined for what is not signed as usual: directory buckets, access points of several regions. */
async function wayOf(
  { config }: S3Client,
  request: Request,
  key: string,
): Promise<Way | undefined> {
  const { protocol, hostname, port, path, query, headers } = request
  const { authorization = '', host = hostname, 'user-agent': agent = 'postern' } = headers
  const region = /^AWS4-HMAC-SHA256 Credential=[^/]+\/\d+\/([^/]+)\/s3\//.exec(authorization)?.[1]
  if (region === undefined || !plainKey.test(key) || !path.endsWith(`/${key}`)) return undefined
  const scheme = { name: 'sigv4', signingName: 's3', signingRegion: region, properties: {} }
  return {
    to: { protocol, hostname, ...(port === undefined ? {} : { port }), ...(query && { query }) },
    path: path.slice(0, -key.length),
    headers: { host, 'user-agent': agent },
    signer: await config.signer(scheme),
  }
}

function statusOf(response: unknown): number | undefined {
  return (response as { readonly statusCode?: number } | undefined)?.statusCode
}
