/**
 * The library in a real browser, Chromium: a page of one server reads mail from another, Ceph's RADOS
 * gateway, by presigned URLs and as a bucket. It sees what Node sees, refusals included.
 */
import { createHash, createPublicKey, generateKeyPairSync } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { cp, rm } from 'node:fs/promises'
import { join } from 'node:path'
import {
  type CORSConfiguration,
  GetObjectCommand,
  PutBucketCorsCommand,
  PutObjectCommand,
} from '@aws-sdk/client-s3'
import { afterAll, beforeAll, describe, expect, inject, test } from 'vitest'
import { s3ecSealer } from '../../src/seal/sealer.ts'
import { s3ObjectStore } from '../../src/store/s3.ts'
import { bundle } from '../support/bundle.ts'
import { cephClient, newBucket } from '../support/ceph.ts'
import { type Visit, visit } from '../support/chromium.ts'
import { newConsumer, root } from '../support/consumer.ts'
import { messageOf } from '../support/load.ts'
import { until } from '../support/postern.ts'
import { type Job, type Outcome, outcomeOf } from '../support/reader.ts'
import { DENO_S3_FLAGS, outcomesOn, runtimes } from '../support/runtimes.ts'
import { startTarget, stopTargets } from '../support/targets.ts'
import { s3ecJobs } from '../support/vector-jobs.ts'
import { idOf, judged, key, otherKey, storeMessage } from '../unit/client/support.ts'

const ceph = inject('ceph')
const client = cephClient(ceph)

const program = `import { outcomeOf } from './reader.ts'
async function main() {
  const jobs = await (await fetch('/jobs')).json()
  const outcomes = []
  for (const job of jobs) outcomes.push(await outcomeOf(job))
  return outcomes
}
const body = await main().then(JSON.stringify, String)
await fetch('/outcomes', { method: 'POST', body })`

const small = Buffer.from('Subject: gr\xfc\xdfe\r\n\r\n\x00\x80\xff and a bare \r\r\n', 'latin1')
const large = messageOf(8 * 1024 * 1024, 1)
const secret = { nacl: base64(key.secretKey) }
/** For AWS's formats, made here: the server has the public half only. */
const rsa = generateKeyPairSync('rsa', {
  modulusLength: 2048,
  publicKeyEncoding: { type: 'spki', format: 'pem' },
  privateKeyEncoding: { type: 'pkcs8', format: 'pem' },
})
const vectors = s3ecJobs()

const versions = ['v3', 'v2'] as const

/** By what each shows; the page does them all in one visit. */
const jobs = new Map<string, Job>()
const inPage = new Map<string, Outcome>()
let consumer: string
let browser: Visit | undefined

beforeAll(async () => {
  const inbox = await newBucket(client)
  const damaged = await newBucket(client)
  const closed = await newBucket(client)
  const aws = await newBucket(client)
  for (const bucket of [inbox, damaged, aws]) await allowPages(bucket)
  const store = s3ObjectStore({ client, bucket: inbox })
  const at = await storeMessage(store, small, { id: idOf(1), prefix: 'in/', verdicts: judged })
  const atLarge = await storeMessage(store, large, { id: idOf(2), prefix: 'in/' })
  const sealed = await sealedAt(inbox, at)
  const put = async (bucket: string, body: Uint8Array, metadata = sealed.metadata) => {
    const where = { Bucket: bucket, Key: `in/${crypto.randomUUID()}` }
    await client.send(new PutObjectCommand({ ...where, Body: body, Metadata: metadata }))
    return urlOf(bucket, where.Key)
  }
  const altered = sealed.body.with(sealed.body.length - 20, 255 - (sealed.body.at(-20) ?? 0))
  const lies = { ...sealed.metadata, 'postern-dmarc': 'PASS' }
  const url = await urlOf(inbox, at)
  jobs.set('small', { kind: 'url', url, secret })
  jobs.set('large', { kind: 'url', url: await urlOf(inbox, atLarge), secret })
  jobs.set('wrong-key', { kind: 'url', url, secret: { nacl: base64(otherKey.secretKey) } })
  jobs.set('tampered', { kind: 'url', url: await put(damaged, altered), secret })
  const part = sealed.body.subarray(0, 100)
  jobs.set('truncated', { kind: 'url', url: await put(damaged, part), secret })
  jobs.set('index-mismatch', { kind: 'url', url: await put(damaged, sealed.body, lies), secret })
  jobs.set('not-postern', { kind: 'url', url: await put(damaged, small), secret })
  jobs.set('bucket', { kind: 'bucket', bucket: { ...connection(), name: inbox }, secret })
  jobs.set('closed', { kind: 'url', url: await put(closed, sealed.body), secret })
  for (const [index, version] of versions.entries()) {
    const sealer = s3ecSealer({
      type: 'rsa',
      version,
      publicKey: createPublicKey(rsa.publicKey),
      context: {},
    })
    const where = { id: idOf(index + 1), prefix: version, verdicts: judged, sealer }
    const theirs = await storeMessage(s3ObjectStore({ client, bucket: aws }), large, where)
    const url = await urlOf(aws, theirs)
    jobs.set(version, { kind: 'url', url, secret: { rsa: rsa.privateKey } })
  }
  const awsBucket = { ...connection(), name: aws }
  jobs.set('bucket of AWS formats', {
    kind: 'bucket',
    bucket: awsBucket,
    secret: { rsa: rsa.privateKey },
  })
  for (const { name, job } of vectors) jobs.set(name, job)
  await visitPage()
})

afterAll(async () => {
  await browser?.close()
  await rm(consumer, { recursive: true })
  stopTargets()
  client.destroy()
})

async function visitPage(): Promise<void> {
  consumer = await newConsumer()
  await cp(join(root, 'test/support/reader.ts'), join(consumer, 'reader.ts'))
  const { code } = await bundle(consumer, program)
  const server = await startTarget()
  const html = '<!doctype html><meta charset=utf-8><script type=module src=/page.js></script>'
  server.answer('/', () => ({ headers: { 'content-type': 'text/html' }, body: html }))
  server.answer('/page.js', () => ({ headers: { 'content-type': 'text/javascript' }, body: code }))
  server.answer('/jobs', () => ({ body: JSON.stringify([...jobs.values()]) }))
  browser = await visit(server.url('/'))
  const ended = browser.ended
  await until(() => server.got('/outcomes').length > 0 || ended() !== undefined)
  expect(ended()).toBeUndefined()
  const [told] = server.got('/outcomes')
  const outcomes = JSON.parse(told?.body ?? '')
  for (const [index, name] of [...jobs.keys()].entries()) inPage.set(name, outcomes[index])
}

/** With the rules that docs/sdk.md shows, for this page: it is from another place in each run. */
async function allowPages(bucket: string): Promise<void> {
  const page = readFileSync(join(root, 'docs/sdk.md'), 'utf8')
  const [, shown = ''] = /```json\n(\{\n {2}"CORSRules".*?)```/s.exec(page) ?? []
  const configuration = JSON.parse(shown.replace('https://mail.example.com', '*'))
  const CORSConfiguration: CORSConfiguration = configuration
  await client.send(new PutBucketCorsCommand({ Bucket: bucket, CORSConfiguration }))
}

type Sealed = { readonly body: Uint8Array; readonly metadata: Record<string, string> }

async function sealedAt(bucket: string, at: string): Promise<Sealed> {
  const found = await client.send(new GetObjectCommand({ Bucket: bucket, Key: at }))
  const body = (await found.Body?.transformToByteArray()) ?? new Uint8Array()
  return { body, metadata: found.Metadata ?? {} }
}

async function urlOf(bucket: string, at: string): Promise<string> {
  return (await s3ObjectStore({ client, bucket }).url?.(at, 600)) ?? ''
}

function connection() {
  const { endpoint, accessKeyId, secretAccessKey } = ceph
  return { endpoint, accessKeyId, secretAccessKey }
}

function base64(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('base64')
}

function sha256(bytes: Uint8Array): string {
  return createHash('sha256').update(bytes).digest('hex')
}

/** A job's outcome in the page, which must be the one in Node. */
async function outcome(name: string): Promise<Outcome | undefined> {
  const job = jobs.get(name)
  if (job !== undefined) expect(inPage.get(name)).toEqual(await outcomeOf(job))
  return inPage.get(name)
}

describe('a page with a presigned URL', () => {
  test.each([
    ['small', idOf(1), small, 'bytes that are no text, and a bare CR'],
    ['large', idOf(2), large, '8 MiB in 129 chunks'],
  ])('opens a %s message, octet for octet', async (name, id, message) => {
    const seen = { id, size: message.length, sha256: sha256(message) }
    expect(await outcome(name)).toMatchObject({ seen: [seen] })
  })

  test('is shown the metadata by the CORS rules of docs/sdk.md', async () => {
    const names = ['postern-dmarc', 'postern-dmarc-policy', 'postern-id', 'postern-spam']
    const metadata = expect.arrayContaining(names.map((name) => `x-amz-meta-${name}`))
    expect(await outcome('small')).toMatchObject({ seen: [{ metadata }] })
  })

  test.each([
    ['wrong-key', 'the key of somebody else'],
    ['tampered', 'one octet is another'],
    ['truncated', 'it ends in the header'],
    ['index-mismatch', 'the metadata say that DMARC passed'],
    ['not-postern', 'a message that nobody sealed'],
  ])('refuses with %s as Node does: %s', async (reason) => {
    expect(await outcome(reason)).toMatchObject({ reason })
  })

  test('gets nothing from a bucket that has no CORS rules', () => {
    expect(inPage.get('closed')).toEqual({ reason: 'another', sentence: 'Failed to fetch' })
  })
})

describe('a page and the formats of AWS', () => {
  test.each(versions)(
    'opens 8 MiB in format %s with an RSA key, octet for octet',
    async (version) => {
      const seen = { size: large.length, sha256: sha256(large) }
      expect(await outcome(version)).toMatchObject({ seen: [seen] })
    },
  )

  test('lists and reads a bucket of them', async () => {
    const seen = versions.map(() => ({ size: large.length, sha256: sha256(large) }))
    expect(await outcome('bucket of AWS formats')).toMatchObject({ seen })
  })

  test.each(vectors)(
    '$name opens as in Node, unless the cipher is not in Web Crypto',
    async (vector) => {
      const { name, sha256, cipher } = vector
      if (cipher === undefined) expect(await outcome(name)).toMatchObject({ seen: [{ sha256 }] })
      else expect(inPage.get(name)).toMatchObject({ reason: 'unsupported-format' })
    },
  )
})

test('a page with credentials lists a bucket and reads it', async () => {
  const dmarc = expect.arrayContaining(['dmarc FAIL', 'dmarcPolicy reject'])
  const first = { id: idOf(1), sha256: sha256(small), metadata: dmarc }
  const seen = [first, { id: idOf(2), sha256: sha256(large) }]
  expect(await outcome('bucket')).toMatchObject({ seen })
})

describe('the built library reads a bucket and a presigned URL', () => {
  for (const { name, version, program, args } of runtimes) {
    const none = program === undefined ? ' (npm has none for this machine)' : ''
    test.skipIf(none !== '')(`in ${name} ${version}${none}`, async () => {
      const mine = ['bucket', 'small', 'tampered', 'v3'].flatMap((each) => jobs.get(each) ?? [])
      const { host } = new URL(ceph.endpoint)
      const allowed = ['run', '--no-prompt', '--allow-read', ...DENO_S3_FLAGS].join(' ')
      const deno = allowed.replace('--allow-net', `--allow-net=${host}`).split(' ')
      const there = { program, args: name === 'Deno' ? deno : args }
      const outcomes = await outcomesOn(there, consumer, mine)
      expect(outcomes).toEqual(await Promise.all(mine.map(outcomeOf)))
    })
  }
})
