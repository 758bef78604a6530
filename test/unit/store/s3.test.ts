/** What S3 servers do that the real one in test/ceph does not do on demand. */
import { afterEach, beforeEach, expect, test } from 'vitest'
import { describeError, isTransient, UserError } from '../../../src/errors.ts'
import type { ObjectStore } from '../../../src/store/object-store.ts'
import { s3Client, s3ObjectStore } from '../../../src/store/s3.ts'
import * as of from '../../conformance/content.ts'
import { refuse, scriptedS3, status, xml } from './scripted-s3.ts'

const MIB = 1024 * 1024

const server = scriptedS3()
let client = s3Client({})
let store: ObjectStore
beforeEach(async () => {
  const endpoint = await server.open()
  client = s3Client({ endpoint, accessKeyId: 'k', secretAccessKey: 's', forcePathStyle: true })
  store = s3ObjectStore({ client, bucket: 'inbox' })
})
afterEach(async () => {
  client.destroy()
  await server.close()
})

const options = of.described(5, { 'postern-id': 'm1' })
const put = () => store.put('k', of.textBody('seald'), options)

test('a put is one request: conditional, of known length, in one piece without a checksum trailer', async () => {
  expect(await put()).toBe('stored')
  expect(server.asked.map(({ line }) => line)).toEqual(['PUT /inbox/k?x-id=PutObject'])
  expect(server.asked[0]?.headers).toMatchObject({
    'if-none-match': '*',
    'content-length': '5',
    'x-amz-meta-postern-id': 'm1',
  })
  expect(server.asked[0]?.headers).not.toHaveProperty('content-encoding')
  expect(server.asked[0]?.headers).not.toHaveProperty('x-amz-trailer')
})

test('a put whose first answer was lost finds its own object', async () => {
  server.answers = [refuse(500, 'InternalError'), refuse(412, 'PreconditionFailed')]
  server.answers.push(status(200, { 'x-amz-meta-postern-id': 'm1' }))
  expect(await put()).toBe('existed')
})

test('a put that finds an object without an id is refused for good', async () => {
  server.answers = [refuse(412, 'PreconditionFailed'), status(200)]
  const error = await put().catch((each: unknown) => each)
  expect(isTransient(error)).toBe(false)
})

test('a put that finds an object which is gone when it looks is tried again later', async () => {
  server.answers = [refuse(412, 'PreconditionFailed'), status(404)]
  const error = await put().catch((each: unknown) => each)
  expect(isTransient(error)).toBe(true)
})

const transient = [
  [409, 'ConditionalRequestConflict', 'another put of the key is under way'],
  [503, 'SlowDown', 'the server is overloaded'],
  [507, 'InsufficientStorage', 'the server is full'],
  [400, 'SomethingNew', 'an error nobody thought of loses no mail'],
] as const
test.for(transient)('%i %s is transient: %s', async ([code, name]) => {
  server.answers = Array.from({ length: 3 }, () => refuse(code, name))
  const error = await put().catch((each: unknown) => each)
  expect(isTransient(error)).toBe(true)
  expect(describeError(error)).toMatch(/^could not put k in bucket inbox at http:\/\/127\.0\.0\.1:/)
  expect(describeError(error)).toContain(name)
  expect(server.asked.length).toBeLessThanOrEqual(3)
})

test('a key without the right to look names the rights to give', async () => {
  server.answers = [status(403)]
  await expect(store.head('k')).rejects.toThrow(/s3:GetObject and s3:ListBucket/)
})

test('an upload in parts that loses the race is aborted and finds the other', async () => {
  const begun =
    '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>'
  const part = status(200, { etag: '"e"' })
  server.answers = [
    status(404),
    xml(begun),
    part,
    part,
    refuse(412, 'PreconditionFailed'),
    status(204),
  ]
  server.answers.push(status(200, { 'x-amz-meta-postern-id': 'm1' }))
  const size = 9 * MIB
  expect(await store.put('k', of.content(size), { ...options, length: size })).toBe('existed')
  expect(server.asked.map(({ line }) => line.replace(/[?&]x-id=\w+/, ''))).toEqual([
    'HEAD /inbox/k',
    'POST /inbox/k?uploads=',
    'PUT /inbox/k?partNumber=1&uploadId=u1',
    'PUT /inbox/k?partNumber=2&uploadId=u1',
    'POST /inbox/k?uploadId=u1',
    'DELETE /inbox/k?uploadId=u1',
    'HEAD /inbox/k',
  ])
  expect(server.asked.map(({ octets }) => octets).slice(2, 4)).toEqual([8 * MIB, MIB])
  expect(server.asked[1]?.headers['x-amz-meta-postern-id']).toBe('m1')
  expect(server.asked[4]?.headers['if-none-match']).toBe('*')
})

const there = status(200, { etag: '"e1"' })
const replace = (size?: number) =>
  store.replace(
    'k +',
    {
      contentType: 'a/b',
      metadata: { of: 'new' },
      ...(size !== undefined && { content: { body: of.content(size), length: size } }),
    },
    '"e1"',
  )
const linesAsked = () => server.asked.map(({ line }) => line.replace(/[?&]x-id=\w+/, ''))

test('a replacement looks at the key just before, and writes on condition that it is still the same', async () => {
  server.answers = [there]
  expect(await replace(5)).toBe('replaced')
  expect(linesAsked()).toEqual(['HEAD /inbox/k%20%2B', 'PUT /inbox/k%20%2B'])
  expect(server.asked[1]?.headers).toMatchObject({ 'if-match': 'e1', 'x-amz-meta-of': 'new' })
  expect(server.asked[1]?.headers).not.toHaveProperty('if-none-match')
})

test('a large replacement looks when all parts are there, and aborts when another was first', async () => {
  const begun =
    '<InitiateMultipartUploadResult><UploadId>u1</UploadId></InitiateMultipartUploadResult>'
  const part = status(200, { etag: '"e"' })
  server.answers = [xml(begun), part, part, status(200, { etag: '"e2"' }), status(204)]
  expect(await replace(9 * MIB)).toBe('changed')
  expect(linesAsked().slice(3)).toEqual([
    'HEAD /inbox/k%20%2B',
    'DELETE /inbox/k%20%2B?uploadId=u1',
  ])
})

test('new metadata alone is a copy of the object onto itself, of just that content', async () => {
  server.answers = [there, xml('<CopyObjectResult><ETag>"e1"</ETag></CopyObjectResult>')]
  expect(await replace()).toBe('replaced')
  expect(server.asked[1]).toMatchObject({ line: 'PUT /inbox/k%20%2B?x-id=CopyObject', octets: 0 })
  expect(server.asked[1]?.headers).toMatchObject({
    'x-amz-copy-source': 'inbox/k%20%2B',
    'x-amz-copy-source-if-match': '"e1"',
    'x-amz-metadata-directive': 'REPLACE',
    'x-amz-meta-of': 'new',
    'content-type': 'a/b',
  })
})

const lost = [
  [412, 'PreconditionFailed', 'another writer was first'],
  [404, 'NoSuchKey', 'it was deleted in that moment'],
] as const
test.for(lost)('%i %s to a replacement is an object that has changed: %s', async ([code, name]) => {
  server.answers = [there, refuse(code, name), there, refuse(code, name)]
  expect([await replace(5), await replace()]).toEqual(['changed', 'changed'])
})

test('a body that is cut off throws, it does not just end', async () => {
  server.answers = [
    (response) => {
      response.writeHead(200, { 'content-length': '10' })
      response.write('half.', () => response.destroy())
    },
  ]
  await expect(store.get('k').then(of.bytesOf)).rejects.toThrow()
})

test('keys in a listing are read as written where the server does not encode them', async () => {
  const row = (key: string) => `<Contents><Key>${key}</Key><Size>1</Size></Contents>`
  server.answers = [xml(`<ListBucketResult>${row('a+b%20c')}</ListBucketResult>`)]
  expect((await of.all(store.list())).map(({ key }) => key)).toEqual(['a+b%20c'])
  server.answers = [
    xml(
      `<ListBucketResult><EncodingType>url</EncodingType>${row('a+b%2Bc%01')}</ListBucketResult>`,
    ),
  ]
  expect((await of.all(store.list())).map(({ key }) => key)).toEqual(['a b+c\u0001'])
})

test('half of the credentials is a mistake, not a search for others', () => {
  expect(() => s3Client({ accessKeyId: 'k' })).toThrow(UserError)
})
