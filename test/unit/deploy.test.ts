/** deploy/ says what the code does: how long a stop takes, which exit code is final, which files there are. */
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { options } from '../../src/config/options.ts'
import { configExitCode } from '../../src/errors.ts'

const root = join(import.meta.dirname, '../..')
const read = (name: string): string => readFileSync(join(root, 'deploy', name), 'utf8')
const setting = (name: string): string | undefined =>
  new RegExp(`^${name}=(.*)$`, 'm').exec(read('postern.service'))?.[1]

test('whoever stops Postern waits longer than its longest stop', () => {
  const longest = options.parse({}).stopSeconds
  expect(Number(setting('TimeoutStopSec'))).toBeGreaterThan(longest)
  expect(Number(/--stop-timeout (\d+)/.exec(read('Dockerfile'))?.[1])).toBeGreaterThan(longest)
})

test('systemd stops the supervisor alone and does not start again what a person has to mend', () => {
  expect(setting('KillMode')).toBe('mixed')
  expect(setting('KillSignal')).toBe('SIGTERM')
  expect(Number(setting('RestartPreventExitStatus'))).toBe(configExitCode)
})

test('neither runs as root', () => {
  expect(setting('User')).toBe('postern')
  expect(setting('CapabilityBoundingSet')).toBe('CAP_NET_BIND_SERVICE')
  expect(/^USER (.*)$/m.exec(read('Dockerfile'))?.[1]).toBe('postern')
})

test('what the image copies is there, and is let through to it', () => {
  const copied = [...read('Dockerfile').matchAll(/^COPY (.*) \S+$/gm)].flatMap(([, names = '']) =>
    names.split(' '),
  )
  expect(copied.length).toBeGreaterThan(4)
  expect(copied.filter((name) => !existsSync(join(root, name)))).toEqual([])
  const passed = read('Dockerfile.dockerignore').split('\n')
  expect(copied.filter((name) => !passed.includes(`!${name}`))).toEqual([])
})
