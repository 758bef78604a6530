/** Every object has a data key, IVs and a message id of its own, and none is made of another's octets. */
import { createDecipheriv, randomBytes } from 'node:crypto'
import { expect, test } from 'vitest'
import { sealS3ec } from '../../../../src/seal/s3ec/seal.ts'
import { cut, message } from '../support.ts'

const secret = new Uint8Array(randomBytes(32))

/** What is random of an object sealed to an AES key, and of its data key. */
async function randomOf(version: 'v3' | 'v2'): Promise<readonly Buffer[]> {
  const key = { type: 'aes', version, context: {}, secret } as const
  const { metadata } = await sealS3ec(cut(message(9), [9]), key)
  const [wrapped, id] = (
    version === 'v3'
      ? [metadata['x-amz-3'], metadata['x-amz-i']]
      : [metadata['x-amz-key-v2'], metadata['x-amz-iv']]
  ).map((text = '') => Buffer.from(text, 'base64'))
  if (wrapped === undefined || id === undefined) throw new Error('the metadata is incomplete')
  const iv = wrapped.subarray(0, 12)
  const opened = createDecipheriv('aes-256-gcm', secret, iv).update(wrapped.subarray(12, 44))
  return [opened, iv, id]
}

test.for(['v3', 'v2'] as const)('%s', async (version) => {
  const drawn: Buffer[] = []
  for (let run = 0; run < 50; run += 1) drawn.push(...(await randomOf(version)))
  // Eight octets that stand in two places are no chance: one in 10^12 runs.
  const places = new Set<string>()
  let windows = 0
  for (const octets of drawn) {
    for (let at = 0; at + 8 <= octets.length; at += 1) {
      places.add(octets.toString('hex', at, at + 8))
      windows += 1
    }
  }
  expect(drawn.map((octets) => octets.length).slice(0, 3)).toEqual([
    32,
    12,
    version === 'v3' ? 28 : 12,
  ])
  expect(places.size).toBe(windows)
})
