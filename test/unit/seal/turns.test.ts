/** Sealing and opening from memory let others have their turn, in every format. */
import { expect, test } from 'vitest'
import { open, seal } from '../../../src/seal/envelope.ts'
import { newKeyPair } from '../../../src/seal/keys.ts'
import { tweetnaclBackend } from '../../../src/seal/nacl.ts'
import { sealS3ec } from '../../../src/seal/s3ec/seal.ts'

const pair = newKeyPair()
const megabyte = new Uint8Array(1024 * 1024)

async function* inMemory(pieces: number): AsyncGenerator<Uint8Array> {
  for (let piece = 0; piece < pieces; piece++) yield megabyte
}

/** How many turns of the event loop others had while all of `source` was read. */
async function turnsDuring(source: AsyncIterable<Uint8Array>): Promise<number> {
  let turns = 0
  let reading = true
  const count = (): void => {
    turns += 1
    if (reading) setImmediate(count)
  }
  setImmediate(count)
  for await (const _ of source) {
    // The pieces are not wanted.
  }
  reading = false
  return turns
}

test('an envelope by tweetnacl', async () => {
  // 20 MB take at least 100 ms, and no stretch is longer than 4 ms and a chunk.
  const source = seal(inMemory(20), [pair.publicKey], { backend: tweetnaclBackend })
  expect(await turnsDuring(source)).toBeGreaterThan(10)
})

test('an envelope that is opened', async () => {
  const sealed = await Array.fromAsync(
    seal(inMemory(20), [pair.publicKey], { backend: tweetnaclBackend }),
  )
  const source = (async function* () {
    yield* sealed
  })()
  const opened = open(source, [pair], { backend: tweetnaclBackend })
  expect(await turnsDuring(opened)).toBeGreaterThan(10)
})

test('one piece of 256 MB for an S3 encryption client', async () => {
  const source = (async function* () {
    yield new Uint8Array(256 * 1024 * 1024)
  })()
  const secret = new Uint8Array(32)
  const { body } = await sealS3ec(source, { type: 'aes', version: 'v3', context: {}, secret })
  expect(await turnsDuring(body)).toBeGreaterThan(5)
})
