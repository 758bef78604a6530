/** A directory of its own for each test of a file, with a configuration file in `conf/`. */
import { chmodSync, mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { beforeEach, expect } from 'vitest'
import { loadConfig } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/options.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

export let cwd = ''

/** To be called by each file of tests: a hook of this module, which they share, would be the first file's only. */
export function inOwnDirectory(): void {
  beforeEach(() => {
    cwd = temporaryDirectory('config')
  })
}

/** Loads `text` as conf/postern.yaml. Whatever it holds reaches the processes of `serve` as it is (roles/fork.ts). */
export function load(text: string, env: Record<string, string> = {}, mode = 0o600): Config {
  write('conf/postern.yaml', text, mode)
  const config = loadConfig({ file: 'conf/postern.yaml', env, cwd })
  expect(JSON.parse(JSON.stringify(config))).toStrictEqual(config)
  return config
}

export function write(name: string, text: string, mode = 0o600): void {
  mkdirSync(join(cwd, name, '..'), { recursive: true })
  writeFileSync(join(cwd, name), text)
  chmodSync(join(cwd, name), mode)
}
