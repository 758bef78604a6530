/** The reading half of the S3 store is for browsers, too: it gets their streams and loads no built-in. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { S3Client } from '@aws-sdk/client-s3'
import { expect, test } from 'vitest'
import { s3Store } from '../../../src/store/s3-read.ts'
import { bytesOf, chunks } from '../../conformance/content.ts'

/** Stands for the SDK in a browser, where fetch gives the body as a web stream. */
function browserStore(body: ReadableStream<Uint8Array>) {
  const headers = { 'content-length': '6', 'x-amz-meta-Postern-Id': 'm1' }
  const handle = async () => ({ response: { statusCode: 200, headers, body } })
  const credentials = { accessKeyId: 'k', secretAccessKey: 's' }
  const client = new S3Client({
    region: 'us-east-1',
    credentials,
    responseChecksumValidation: 'WHEN_REQUIRED',
    requestHandler: { handle },
  })
  return s3Store({ client, bucket: 'inbox' })
}

function webStream() {
  const outcome = { cancelled: false }
  const rest = [Buffer.from('abc'), Buffer.from('def')]
  const stream = new ReadableStream<Uint8Array>({
    pull(controller) {
      const next = rest.shift()
      if (next === undefined) controller.close()
      else controller.enqueue(next)
    },
    cancel() {
      outcome.cancelled = true
    },
  })
  return { stream, outcome }
}

test("a browser's stream is read to its end", async () => {
  const opened = await browserStore(webStream().stream).get('k')
  expect(opened?.info).toMatchObject({ key: 'k', size: 6, metadata: { 'postern-id': 'm1' } })
  expect(`${await bytesOf(opened)}`).toBe('abcdef')
})

test("a browser's stream that is not read, or not to the end, is cancelled", async () => {
  const unread = webStream()
  const unwanted = await browserStore(unread.stream).get('k')
  unwanted?.cancel()
  expect(unread.outcome.cancelled).toBe(true)

  const begun = webStream()
  const opened = await browserStore(begun.stream).get('k')
  for await (const _ of opened?.body ?? chunks()) break
  expect(begun.outcome.cancelled).toBe(true)
})

test('nothing it loads from the project needs Node', () => {
  const loaded = new Set<string>()
  const builtIn: string[] = []
  const visit = (file: string) => {
    if (loaded.has(file)) return
    loaded.add(file)
    for (const [, name = ''] of readFileSync(file, 'utf8').matchAll(/\bfrom '([^']+)'/g)) {
      if (name.startsWith('.')) visit(join(dirname(file), name))
      else if (name !== '@aws-sdk/client-s3') builtIn.push(`${file}: ${name}`)
    }
    if (/\bBuffer\b|\bprocess\./.test(readFileSync(file, 'utf8'))) builtIn.push(`${file}: a global`)
  }
  visit(join(import.meta.dirname, '../../../src/store/s3-read.ts'))
  expect(loaded.size).toBeGreaterThan(3)
  expect(builtIn).toEqual([])
})
