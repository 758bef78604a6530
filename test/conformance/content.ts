/** Content for store tests: any length, never the same twice, made as it is read. */
import { createCipheriv, createHash } from 'node:crypto'
import { setFlagsFromString } from 'node:v8'
import { runInNewContext } from 'node:vm'
import type { OpenedObject, PutOptions } from '../../src/store/object-store.ts'

const CHUNK = 65_536

/** `length` octets of the stream that `seed` stands for, in chunks as a file is read. */
export async function* content(length: number, seed = 0): AsyncGenerator<Uint8Array> {
  const stream = createCipheriv('aes-128-ctr', Buffer.alloc(16, seed), Buffer.alloc(16))
  for (let rest = length; rest > 0; rest -= CHUNK) {
    yield stream.update(Buffer.alloc(Math.min(CHUNK, rest)))
  }
}

export async function digestOf(body: AsyncIterable<Uint8Array>): Promise<string> {
  const hash = createHash('sha256')
  for await (const chunk of body) hash.update(chunk)
  return hash.digest('hex')
}

export async function bytesOf(opened: OpenedObject | undefined): Promise<Buffer | undefined> {
  return opened && Buffer.concat(await all(opened.body))
}

/** All that a source yields. */
export async function all<T>(source: AsyncIterable<T>): Promise<T[]> {
  const items: T[] = []
  for await (const each of source) items.push(each)
  return items
}

export function textBody(text: string): AsyncGenerator<Uint8Array> {
  return chunks(Buffer.from(text))
}

export async function* chunks(...given: readonly Uint8Array[]): AsyncGenerator<Uint8Array> {
  yield* given
}

/** Content that fails after `length` octets. */
export async function* failing(length: number, error: Error): AsyncGenerator<Uint8Array> {
  yield* content(length)
  throw error
}

export function described(length: number, metadata: Record<string, string> = {}): PutOptions {
  return { length, contentType: 'application/octet-stream', metadata }
}

setFlagsFromString('--expose-gc')
const collectGarbage: () => void = runInNewContext('gc')

/** Passes content on and notes, every megabyte, how much binary memory is alive. */
export async function* metered(
  body: AsyncIterable<Uint8Array>,
  note: (octets: number) => void,
): AsyncGenerator<Uint8Array> {
  let seen = 0
  for await (const chunk of body) {
    const before = Math.floor(seen / 2 ** 20)
    seen += chunk.length
    if (Math.floor(seen / 2 ** 20) > before) note(liveOctets())
    yield chunk
  }
}

/** Binary memory that is still referred to: what garbage collection would free is not counted. */
export function liveOctets(): number {
  collectGarbage()
  return process.memoryUsage().arrayBuffers
}
