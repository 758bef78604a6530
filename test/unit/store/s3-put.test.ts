/** The second put into a bucket and those after it, which are made without the SDK where all is as usual. */
import { afterEach, beforeEach, describe, expect, test } from 'vitest'
import { describeError, isTransient } from '../../../src/errors.ts'
import type { ObjectStore } from '../../../src/store/object-store.ts'
import { s3Client, s3ObjectStore } from '../../../src/store/s3.ts'
import * as of from '../../conformance/content.ts'
import { type Answer, refuse, scriptedS3, status } from './scripted-s3.ts'

const server = scriptedS3()
let client = s3Client({})
let store: ObjectStore
beforeEach(async () => {
  const endpoint = await server.open()
  client = s3Client({
    endpoint,
    region: 'eu-west-1',
    accessKeyId: 'k',
    secretAccessKey: 's',
    sessionToken: 't',
    forcePathStyle: true,
  })
  store = s3ObjectStore({ client, bucket: 'inbox' })
})
afterEach(async () => {
  client.destroy()
  await server.close()
})

const put = (key: string, metadata: Record<string, string> = {}) =>
  store.put(key, of.textBody('seald'), of.described(5, { 'postern-id': 'm1', ...metadata }))

/** Each request of the SDK has a name of its own, for the server's log. */
const bySdk = () => server.asked.map(({ headers }) => 'amz-sdk-invocation-id' in headers)

test('asks as the SDK does: of the same server, signed over the same fields, on the same condition', async () => {
  expect([await put('in/k1'), await put('in/k2')]).toEqual(['stored', 'stored'])
  expect(bySdk()).toEqual([true, false])
  const [first, second] = server.asked
  expect(second?.line).toBe('PUT /inbox/in/k2?x-id=PutObject')
  expect(second?.octets).toBe(5)
  const own = /^(?:amz-sdk-|authorization|x-amz-(?:date|user-agent))/
  const told = (asked: typeof first) =>
    Object.entries(asked?.headers ?? {}).filter(([name]) => !own.test(name))
  expect(Object.fromEntries(told(second))).toEqual(Object.fromEntries(told(first)))
  const { authorization = '', ...headers } = second?.headers ?? {}
  expect(authorization).toMatch(
    /^AWS4-HMAC-SHA256 Credential=k\/\d{8}\/eu-west-1\/s3\/aws4_request, /,
  )
  const signed = /SignedHeaders=([^,]+)/.exec(authorization)?.[1]?.split(';') ?? []
  for (const name of ['host', 'if-none-match', 'x-amz-content-sha256', 'x-amz-meta-postern-id'])
    expect(signed).toContain(name)
  expect(headers['x-amz-security-token']).toBe('t')
})

const unusual = [
  ['in/k 1', {}, 'a key that is escaped in a path'],
  ['in//k', {}, 'an empty name in a key, which some servers drop'],
  ['in/../k', {}, 'a name that some clients resolve'],
  ['k2', { held: 'zu groß' }, 'a value that has no one encoding in a header field'],
  ['k2', { held: 'two  spaces' }, 'a value that is signed otherwise than it is sent'],
] as const
test.for(unusual)('%s with %o goes to the SDK: %s', async ([key, metadata]) => {
  await put('k1')
  await put(key, metadata)
  expect(bySdk()).toEqual([true, true])
})

describe('that is not answered as usual', () => {
  const cut: Answer = (response) => response.destroy()
  const troubles = [
    ['503', refuse(503, 'SlowDown')],
    ['403', refuse(403, 'RequestTimeTooSkewed')],
    ['307', status(307, { location: 'http://127.0.0.1:9/' })],
    ['nothing', cut],
  ] as const

  test.for(troubles)('by %s is put again by the SDK', async ([, trouble]) => {
    await put('k1')
    server.answers = [trouble]
    expect(await put('k2')).toBe('stored')
    expect(bySdk()).toEqual([true, false, true])
    expect(await put('k3')).toBe('stored')
    expect(bySdk().at(-1)).toBe(false)
  })

  test('fails as the SDK fails', async () => {
    await put('k1')
    server.answers = Array.from({ length: 9 }, () => refuse(403, 'InvalidAccessKeyId'))
    const error = await put('k2').catch((each: unknown) => each)
    expect(describeError(error)).toMatch(/^could not put k2 .*: correct the access key/)
    expect(isTransient(error)).toBe(true)
  })

  test('because the key is taken finds its own object, and refuses another', async () => {
    await put('k1')
    const taken = refuse(412, 'PreconditionFailed')
    server.answers = [taken, status(200, { 'x-amz-meta-postern-id': 'm1' })]
    expect(await put('k2')).toBe('existed')
    server.answers = [taken, status(200, { 'x-amz-meta-postern-id': 'another' })]
    const error = await put('k2').catch((each: unknown) => each)
    expect(isTransient(error)).toBe(false)
  })
})
