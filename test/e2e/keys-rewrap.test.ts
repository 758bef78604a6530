/**
 * `postern keys rewrap` killed in the middle, again and again: every object can be opened by the old key or
 * the new one at every moment, and running it again goes on where it was cut.
 */
import { spawn } from 'node:child_process'
import { createHash } from 'node:crypto'
import { once } from 'node:events'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { createInterface } from 'node:readline'
import { afterAll, expect, test } from 'vitest'
import { naclKey, openObject } from '../../src/client/index.ts'
import { seal, sealedLength } from '../../src/seal/envelope.ts'
import { formatPublicKey, formatSecretKey } from '../../src/seal/keys.ts'
import { dirStore } from '../../src/store/dir.ts'
import { bytesOf, content, digestOf } from '../conformance/content.ts'
import { runCli } from '../support/postern.ts'

const OBJECTS = 150
const OCTETS = 80_000
/** After how many changed objects each run is killed. */
const deaths = [0, 3, 7, 9]

const program = join(import.meta.dirname, '../../bin/postern')
const [old, next] = [naclKey(new Uint8Array(32).fill(1)), naclKey(new Uint8Array(32).fill(2))]
const home = mkdtempSync(join(tmpdir(), 'postern-keys-rewrap-'))
afterAll(() => rmSync(home, { recursive: true }))
const file = (name: string, text: string): string => {
  writeFileSync(join(home, name), text, { mode: 0o600 })
  return join(home, name)
}
const config = file('postern.yaml', 'dataDir: ./data\n')
const from = file('old.key', formatSecretKey(old.secretKey))
const to = file('new.pub', formatPublicKey(next.publicKey))
const args = ['--config', config, 'keys', 'rewrap', '--from', from, '--to', to, '--json']

const store = dirStore(join(home, 'data/store/inbox'))
const keyOf = (n: number) => `in/m${`${n}`.padStart(3, '0')}`

/** Runs it until it has told of so many objects, and kills it wherever it is then. */
async function runAndKill(after: number): Promise<void> {
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'inherit'] })
  const exit = once(child, 'exit')
  let changed = 0
  for await (const line of createInterface(child.stdout)) {
    if (!line.includes('"resealed"')) continue
    if (changed === after) child.kill('SIGKILL')
    changed += 1
  }
  expect(await exit).toEqual([null, 'SIGKILL'])
}

/** Opens every object by either key, its digest is the one it was stored with; answers how many the new one opens. */
async function openAll(): Promise<number> {
  let renewed = 0
  for (let n = 0; n < OBJECTS; n++) {
    const opened = await store.get(keyOf(n))
    const body = await bytesOf(opened)
    expect(opened?.info.metadata).toEqual({ 'postern-id': keyOf(n) })
    const object = { body: body ?? new Uint8Array() }
    const byNext = await openObject(object, { keys: [next] }).catch(() => undefined)
    const plain = byNext ?? (await openObject(object, { keys: [old] }))
    const digest = createHash('sha256').update(plain).digest('hex')
    expect(digest, keyOf(n)).toBe(await digestOf(content(OCTETS, n)))
    if (byNext !== undefined) renewed += 1
  }
  return renewed
}

test('killed at any point, it leaves every object readable, and goes on when it is run again', async () => {
  for (let n = 0; n < OBJECTS; n++) {
    await store.put(keyOf(n), seal(content(OCTETS, n), [old.publicKey]), {
      length: sealedLength(OCTETS, 1),
      contentType: 'application/octet-stream',
      metadata: { 'postern-id': keyOf(n) },
    })
  }
  let over = false
  const reader = (async () => {
    const seen: number[] = []
    while (!over) seen.push(await openAll())
    return seen
  })()
  const renewed: number[] = []
  for (const after of deaths) {
    await runAndKill(after)
    renewed.push(await openAll())
  }
  over = true
  const seen = await reader
  expect(renewed.every((count, at) => count > (renewed[at - 1] ?? 0) && count < OBJECTS)).toBe(true)
  expect(seen).toEqual(seen.toSorted((a, b) => a - b))

  const last = await runCli(...args)
  expect(last.code).toBe(0)
  expect(await openAll()).toBe(OBJECTS)
  const again = await runCli(...args)
  expect(again.stdout.match(/"passed"/g)).toHaveLength(OBJECTS)
})
