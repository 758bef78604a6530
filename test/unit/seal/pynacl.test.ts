/**
 * What we seal is opened by libsodium through PyNaCl (Debian: python3-nacl), which shares no code
 * with us: the script that docs/envelope.md prints for strangers.
 */
import { execFileSync, spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { envelopeReasons } from '../../../src/seal/envelope.ts'
import { formatSecretKey, newKeyPair } from '../../../src/seal/keys.ts'
import { backends, keyPairs, message, publicKeys, sealWhole } from './support.ts'

const root = join(import.meta.dirname, '../../..')
const script = join(root, 'test/support/envelope_open.py')
// Debian's own: another python3 that stands first in PATH need not see Debian's packages.
const python = '/usr/bin/python3'
let folder = ''

beforeAll(() => {
  folder = mkdtempSync(join(tmpdir(), 'postern-pynacl-'))
  for (const [index, pair] of keyPairs.entries()) {
    writeFileSync(join(folder, `${index}.key`), formatSecretKey(pair.secretKey), { mode: 0o600 })
  }
  writeFileSync(join(folder, 'stranger.key'), formatSecretKey(newKeyPair().secretKey))
})
afterAll(() => rmSync(folder, { recursive: true }))

const openByPython = (sealed: Uint8Array, key: string) =>
  spawnSync(python, [script, join(folder, key)], { input: sealed, maxBuffer: 1 << 24 })

describe.for(backends.map((backend) => [backend.name, backend] as const))(
  'sealed with %s',
  ([, backend]) => {
    const cases = [0, 1, 65535, 65536, 65537, 200_000].flatMap((size) => [
      [size, 1] as const,
      [size, 3] as const,
    ])
    test.for(cases)(
      '%i bytes for %i key(s) open in PyNaCl with the last key',
      async ([size, count]) => {
        const sealed = await sealWhole(message(size), publicKeys.slice(0, count), backend)
        const { status, stdout, stderr } = openByPython(sealed, `${count - 1}.key`)
        expect(stderr.toString()).toBe('')
        expect(status).toBe(0)
        expect(Buffer.compare(stdout, message(size))).toBe(0)
      },
    )
  },
)

test.for([
  // what was done, how it is done, why it must be refused
  ['a bit flipped in the commitment', (s: Uint8Array) => s.with(110, (s[110] ?? 0) ^ 1), 'header'],
  ['cut at a chunk', (s: Uint8Array) => s.subarray(0, 138 + 65552), 'the end would be missing'],
  [
    'a byte appended',
    (s: Uint8Array) => Buffer.concat([s, Buffer.alloc(1)]),
    'not what was sealed',
  ],
] as const)('the script refuses an envelope with %s', async ([, alter]) => {
  const { status, stdout } = openByPython(alter(await sealWhole(message(70_000))), '0.key')
  expect(status).not.toBe(0)
  expect(stdout.length).toBe(0)
})

test('the script opens nothing for a stranger', async () => {
  const { status, stderr } = openByPython(await sealWhole(message(10)), 'stranger.key')
  expect(stderr.toString()).toBe('sealed to other keys\n')
  expect(status).toBe(1)
})

describe('docs/envelope.md', () => {
  const page = readFileSync(join(root, 'docs/envelope.md'), 'utf8')

  test('prints the very script that is tested here', () => {
    const printed = /```python\n(.*?)```/s.exec(page)?.[1]
    expect(printed).toBe(readFileSync(script, 'utf8'))
  })

  test('explains every reason for a refusal, and no reason that there is not', () => {
    const explained = [...page.matchAll(/^\| `([a-z-]+)` \|/gm)].map((match) => match[1])
    expect(explained.toSorted()).toEqual(Object.keys(envelopeReasons).toSorted())
  })
})

test('the Python that runs here has PyNaCl', () => {
  expect(execFileSync(python, ['-c', 'import nacl; print(nacl.__version__)']).toString()).toMatch(
    /^1\./,
  )
})
