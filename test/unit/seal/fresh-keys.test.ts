/** Every message has keys of its own, and they are gone once the header is made. */
import { expect, test } from 'vitest'
import { seal } from '../../../src/seal/envelope.ts'
import { backends, collect, cut, message, publicKeys, sealWhole, sodiumBackend } from './support.ts'

test('no file key and no ephemeral key is used for two messages', async () => {
  const drawn: string[] = []
  const random = (size: number) => {
    const bytes = sodiumBackend.random(size)
    drawn.push(Buffer.from(bytes).toString('hex'))
    return bytes
  }
  const sealed: string[] = []
  for (let run = 0; run < 50; run += 1) {
    sealed.push(
      Buffer.from(await collect(seal(cut(message(40), [40]), publicKeys, { random }))).toString(
        'hex',
      ),
    )
  }
  expect(new Set(drawn).size).toBe(100)
  const ephemeral = sealed.map((hex) => hex.slice(16, 80))
  const commitments = sealed.map((hex) => hex.slice(2 * (42 + 3 * 64), 2 * (74 + 3 * 64)))
  expect(new Set(ephemeral).size).toBe(50)
  expect(new Set(commitments).size).toBe(50)
})

test('without a source of its own, sealing the same message twice shares no key and no chunk', async () => {
  const [one, two] = [await sealWhole(message(100)), await sealWhole(message(100))]
  expect(one.slice(8, 40)).not.toEqual(two.slice(8, 40))
  expect(one.slice(-116)).not.toEqual(two.slice(-116))
})

test('the file key and the ephemeral key are cleared once the header is written', async () => {
  const drawn: Uint8Array[] = []
  const random = (size: number) => {
    const bytes = sodiumBackend.random(size)
    drawn.push(bytes)
    return bytes
  }
  for (const backend of backends)
    await collect(seal(cut(message(9), [9]), publicKeys, { backend, random }))
  expect(drawn).toHaveLength(4)
  for (const bytes of drawn) expect(bytes).toEqual(new Uint8Array(32))
})
