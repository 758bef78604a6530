/** An AES key opens what it sealed: its file is for the server's user alone. */
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import { readSealingKey } from '../../../src/roles/sealing-keys.ts'

const modes = [
  // mode, taken, why
  [0o600, true, 'only its owner reads it'],
  [0o400, true, 'and that is enough'],
  [0o640, false, 'the group reads it'],
  [0o604, false, 'everybody else reads it'],
  [0o620, false, 'the group could put another key there'],
] as const
test.for(modes)('an AES key of mode %o is taken: %s, %s', ([mode, taken]) => {
  const directory = mkdtempSync(join(tmpdir(), 'postern-aes-'))
  onTestFinished(() => rmSync(directory, { recursive: true }))
  const [file, key] = [join(directory, 'postern.yaml'), join(directory, 'box.aes')]
  writeFileSync(key, Buffer.alloc(32, 7))
  chmodSync(key, mode)
  writeFileSync(file, 'keys: { box: { type: aes, keyFile: ./box.aes } }\n')
  const read = () => readSealingKey(loadConfig({ file, env: {}, cwd: directory }), 'box')
  if (taken) expect(read()).toMatchObject({ type: 'aes' })
  else expect(read).toThrow(`can be read by others than its owner: chmod 600 ${key}`)
})
