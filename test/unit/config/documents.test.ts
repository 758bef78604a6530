/** The generated documents agree with the sources, and what they show is what happens. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { staleDocuments } from '../../../scripts/docs.ts'
import { loadConfig } from '../../../src/config/load.ts'
import { cwd, inOwnDirectory, load, write } from './scratch.ts'

inOwnDirectory()

test('the generated documents are what the sources say', () => {
  expect(staleDocuments()).toEqual([])
})

test('the page that operators read shows what really happens', () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/config.md'), 'utf8')
  const block = (kind: string) => page.split(`\`\`\`${kind}\n`)[1]?.split('```')[0] ?? ''
  write('postern.yaml', block('yaml broken'))
  expect(() => loadConfig({ env: {}, cwd })).toThrow(
    expect.objectContaining({ message: block('text').trimEnd() }),
  )
  for (const name of ['tls.crt', 'tls.key', 'office.pub']) write(`conf/${name}`, 'content')
  const example = block('yaml example').replaceAll('/etc/postern/', `${cwd}/conf/`)
  const env = { REDIS_PASSWORD: 'a', S3_ACCESS_KEY_ID: 'b', S3_SECRET_ACCESS_KEY: 'c' }
  expect(load(example, env, 0o644).redis).toBe('rediss://postern:a@redis.example.com:6379/0')
})
