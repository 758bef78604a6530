/**
 * A double of AWS KMS on a free port of loopback. It stands for AWS KMS, which cannot run here, and
 * speaks its protocol (AWS JSON 1.1 over HTTP) for GenerateDataKey, Encrypt and Decrypt, with real
 * cryptography: a ciphertext belongs to one key and one encryption context. It plays the failures a
 * test switches on. What it does not do: verify signatures; it looks only at who signed, and for what.
 */
import { randomBytes } from 'node:crypto'
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'
import { type Context, decrypted, encrypted, isOf, type Key, newKey } from './kms-key.ts'

/** `hanging`: the connection stands and no answer comes. */
export type KmsFailure = 'throttled' | 'internal' | 'denied' | 'disabled' | 'hanging'

export type KmsCall = {
  readonly operation: string
  readonly keyId: string | undefined
  readonly context: Context
}

export type RunningKms = {
  readonly endpoint: string
  readonly region: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
  /** Of the key; its id and `alias/postern` name it as well. */
  readonly arn: string
  /** A second key of the account. */
  readonly otherArn: string
  /** What was asked so far, the refused included, in order. */
  readonly calls: readonly KmsCall[]
  /** Answers so from now on, `times` times. */
  readonly fail: (how: KmsFailure, times?: number) => void
  /** Ends what `fail` began; who hangs goes on hanging. */
  readonly mend: () => void
  readonly stop: () => Promise<void>
}

type Input = {
  readonly KeyId?: string
  readonly KeySpec?: string
  readonly NumberOfBytes?: number
  readonly Plaintext?: string
  readonly CiphertextBlob?: string
  readonly EncryptionContext?: Context
}
/** Of the API reference's "Common Errors" and of each operation's own. */
type Refusal = { readonly status?: number; readonly type: string; readonly message: string }

const region = 'us-east-1'
const credentials = { accessKeyId: 'postern-test', secretAccessKey: 'postern-test' }

const failures: Record<Exclude<KmsFailure, 'hanging'>, Refusal> = {
  throttled: { type: 'ThrottlingException', message: 'Rate exceeded' },
  internal: { status: 500, type: 'KMSInternalException', message: 'an internal error' },
  denied: {
    type: 'AccessDeniedException',
    message:
      'User: arn:aws:iam::123456789012:user/postern is not authorized to perform this action',
  },
  disabled: { type: 'DisabledException', message: 'The key is disabled.' },
}

export async function startKms(): Promise<RunningKms> {
  const keys = [newKey(region, 'alias/postern'), newKey(region, 'alias/other')] as const
  const calls: KmsCall[] = []
  let failing: { readonly how: KmsFailure; left: number } | undefined
  const answer = async (request: IncomingMessage, response: ServerResponse) => {
    const operation = `${request.headers['x-amz-target']}`.replace('TrentService.', '')
    const input = JSON.parse(await textOf(request)) as Input
    calls.push({ operation, keyId: input.KeyId, context: input.EncryptionContext ?? {} })
    const refusal = unsigned(request)
    if (refusal !== undefined) return refuse(response, refusal)
    if (failing !== undefined && failing.left > 0) {
      failing.left -= 1
      if (failing.how !== 'hanging') refuse(response, failures[failing.how])
      return
    }
    const result = operations[operation]?.(keys, input) ?? invalid(`no operation ${operation}`)
    if (isRefusal(result)) refuse(response, result)
    else reply(response, 200, result)
  }
  const server = createServer((request, response) => {
    answer(request, response).catch((error: unknown) =>
      refuse(response, { type: 'SerializationException', message: `${error}` }),
    )
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  return {
    endpoint: `http://127.0.0.1:${(server.address() as AddressInfo).port}`,
    region,
    ...credentials,
    arn: keys[0].arn,
    otherArn: keys[1].arn,
    calls,
    fail(how, times = Number.POSITIVE_INFINITY) {
      failing = { how, left: times }
    },
    mend() {
      failing = undefined
    },
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
}

type Keys = readonly Key[]
type Result = { readonly KeyId: string; readonly [field: string]: string } | Refusal

const isRefusal = (result: Key | Result): result is Refusal => 'type' in result

const operations: Readonly<Record<string, (keys: Keys, input: Input) => Result>> = {
  GenerateDataKey(keys, { KeyId, KeySpec, NumberOfBytes, EncryptionContext }) {
    const key = keyNamed(keys, KeyId)
    if (isRefusal(key)) return key
    const length = NumberOfBytes ?? { AES_256: 32, AES_128: 16 }[`${KeySpec}`]
    if (length === undefined || (NumberOfBytes !== undefined && KeySpec !== undefined)) {
      return invalid('Please specify either number of bytes or key spec.')
    }
    const plaintext = randomBytes(length)
    const blob = encrypted(key, plaintext, EncryptionContext)
    return { KeyId: key.arn, Plaintext: plaintext.toString('base64'), CiphertextBlob: blob }
  },
  Encrypt(keys, { KeyId, Plaintext = '', EncryptionContext }) {
    const key = keyNamed(keys, KeyId)
    if (isRefusal(key)) return key
    const plaintext = Buffer.from(Plaintext, 'base64')
    if (plaintext.length < 1 || plaintext.length > 4096) return invalid('1 to 4096 octets')
    return { KeyId: key.arn, CiphertextBlob: encrypted(key, plaintext, EncryptionContext) }
  },
  Decrypt(keys, { KeyId, CiphertextBlob = '', EncryptionContext }) {
    const named = KeyId === undefined ? undefined : keyNamed(keys, KeyId)
    if (named !== undefined && isRefusal(named)) return named
    const blob = Buffer.from(CiphertextBlob, 'base64')
    const key = keys.find((each) => isOf(each, blob))
    if (key !== undefined && named !== undefined && named !== key) {
      return {
        type: 'IncorrectKeyException',
        message:
          'The key ID in the request does not identify a CMK that can perform this operation.',
      }
    }
    const plaintext = key && decrypted(key, blob, EncryptionContext)
    // KMS gives no reason either.
    if (key === undefined || plaintext === undefined) {
      return { type: 'InvalidCiphertextException', message: '' }
    }
    return { KeyId: key.arn, Plaintext: plaintext.toString('base64') }
  },
}

function keyNamed(keys: Keys, name: string | undefined): Key | Refusal {
  if (name === undefined) return invalid("Value at 'keyId' failed to satisfy constraint: not null")
  const key = keys.find(({ names }) => names.includes(name))
  return key ?? { type: 'NotFoundException', message: `Key '${name}' does not exist` }
}

/** Signature version 4 names the key, the region and the service that a request is signed for. */
function unsigned(request: IncomingMessage): Refusal | undefined {
  const { authorization = '' } = request.headers
  const scope = /Credential=([^/]+)\/\d{8}\/([^/]+)\/([^/]+)\/aws4_request/.exec(authorization)
  if (scope === null) {
    return { type: 'MissingAuthenticationTokenException', message: 'Missing Authentication Token' }
  }
  if (scope[1] !== credentials.accessKeyId) {
    const message = 'The security token included in the request is invalid.'
    return { type: 'UnrecognizedClientException', message }
  }
  if (scope[2] === region && scope[3] === 'kms') return undefined
  const message = `Credential should be scoped to a valid region (${region}) and service (kms).`
  return { type: 'SignatureDoesNotMatch', message }
}

const invalid = (message: string): Refusal => ({ type: 'ValidationException', message })

function refuse(response: ServerResponse, { status = 400, type, message }: Refusal): void {
  reply(response, status, { __type: type, message })
}

function reply(response: ServerResponse, status: number, body: object): void {
  const headers = {
    'content-type': 'application/x-amz-json-1.1',
    'x-amzn-requestid': crypto.randomUUID(),
  }
  response.writeHead(status, headers).end(JSON.stringify(body))
}

async function textOf(request: IncomingMessage): Promise<string> {
  return Buffer.concat(await Array.fromAsync<Buffer>(request)).toString('utf8')
}
