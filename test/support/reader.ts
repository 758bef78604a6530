/**
 * A program of somebody who reads mail with `postern/client`, the same wherever it runs: in Node, Deno,
 * Bun and a browser's page. It is given jobs and tells what it saw.
 */
import { S3Client } from '@aws-sdk/client-s3'
import {
  dirStore,
  MailboxError,
  type MailKey,
  type Message,
  naclKey,
  openMailbox,
  openMessage,
  openObject,
  readKey,
  s3Store,
} from 'postern/client'

type Base64 = string

export type Job =
  /** An object whose content is an envelope, of whatever. */
  | { readonly kind: 'object'; readonly body: Base64; readonly secretKey: Base64 }
  /** All messages of a directory store. */
  | { readonly kind: 'directory'; readonly path: string; readonly keyFile: string }
  /** One message by a presigned URL. */
  | { readonly kind: 'url'; readonly url: string; readonly secretKey: Base64 }
  /** All messages of a bucket. */
  | { readonly kind: 'bucket'; readonly bucket: BucketOf; readonly secretKey: Base64 }

export type BucketOf = {
  readonly name: string
  readonly endpoint: string
  readonly accessKeyId: string
  readonly secretAccessKey: string
}

export type Seen = {
  readonly id?: string
  readonly subject?: string | undefined
  readonly size: number
  readonly sha256: string
  /** Names of the metadata that the store gave; nothing is compared with what is not there. */
  readonly metadata?: readonly string[]
}

export type Outcome =
  | { readonly seen: readonly Seen[] }
  | { readonly reason: string; readonly sentence: string }

export async function outcomeOf(job: Job): Promise<Outcome> {
  try {
    return { seen: await read(job) }
  } catch (error) {
    const { message } = error as Error
    return { reason: error instanceof MailboxError ? error.reason : 'another', sentence: message }
  }
}

async function read(job: Job): Promise<Seen[]> {
  switch (job.kind) {
    case 'object': {
      const keys = [naclKey(bytesOf(job.secretKey))]
      const content = await openObject({ body: bytesOf(job.body) }, { keys })
      return [{ size: content.length, sha256: await sha256(content) }]
    }
    case 'directory':
      return readAll(dirStore(job.path), await readKey(job.keyFile))
    case 'url':
      return [await readUrl(job.url, naclKey(bytesOf(job.secretKey)))]
    case 'bucket':
      return readAll(storeOf(job.bucket), naclKey(bytesOf(job.secretKey)))
  }
}

async function readUrl(url: string, key: MailKey): Promise<Seen> {
  const response = await fetch(url)
  if (!response.ok || response.body === null)
    throw new Error(`the store answered ${response.status}`)
  const metadata = Object.fromEntries(response.headers)
  const message = await openMessage({ body: response.body, metadata }, { keys: [key] })
  const names = Object.keys(metadata).filter((name) => name.startsWith('x-amz-meta-'))
  return { ...(await seen(message)), metadata: names.sort() }
}

async function readAll(store: ReturnType<typeof s3Store>, key: MailKey): Promise<Seen[]> {
  const mailbox = openMailbox({ store, keys: [key] })
  const all: Seen[] = []
  for await (const item of mailbox.list()) {
    const metadata = Object.entries(item.verdicts).map(([name, verdict]) => `${name} ${verdict}`)
    all.push({ ...(await seen(await mailbox.get(item.key))), metadata })
  }
  return all
}

function storeOf({ name, endpoint, ...credentials }: BucketOf): ReturnType<typeof s3Store> {
  const client = new S3Client({ endpoint, credentials, region: 'us-east-1', forcePathStyle: true })
  return s3Store({ client, bucket: name })
}

async function seen({ receipt, headers, original }: Message): Promise<Seen> {
  const subject = headers.get('subject')
  return { id: receipt.id, subject, size: original.length, sha256: await sha256(original) }
}

async function sha256(bytes: Uint8Array): Promise<string> {
  const digest = await crypto.subtle.digest('SHA-256', Uint8Array.from(bytes))
  return Array.from(new Uint8Array(digest), (byte) => byte.toString(16).padStart(2, '0')).join('')
}

function bytesOf(base64: Base64): Uint8Array {
  return Uint8Array.from(atob(base64), (character) => character.charCodeAt(0))
}
