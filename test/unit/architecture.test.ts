/** The import table of docs/hacking.md, enforced: which folder of src may import which, and what from npm. */
import { globSync, readFileSync } from 'node:fs'
import { builtinModules } from 'node:module'
import { dirname, join, relative } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../..')

/** folder → [folders and files of src it may import, npm packages and node: modules it may import]. */
const table: Record<string, readonly [readonly string[], readonly string[]]> = {
  'errors.ts': [[], []],
  'printable.ts': [[], []],
  'spared.ts': [[], []],
  'log.ts': [['printable.ts'], ['pino', 'pino-pretty']],
  mail: [['errors.ts'], ['node:crypto']],
  rules: [
    ['mail', 'filters', 'errors.ts', 'printable.ts'],
    ['zod', 'yaml', 're2js', 'node:fs', 'node:path', 'node:url'],
  ],
  seal: [['errors.ts'], ['tweetnacl', 'sodium-native', 'node:crypto']],
  spool: [
    ['mail', 'rules', 'errors.ts'],
    ['node:fs', 'node:path', 'node:crypto', 'node:zlib', 'node:util'],
  ],
  store: [
    ['errors.ts'],
    [
      '@aws-sdk/client-s3',
      '@aws-sdk/s3-request-presigner',
      'node:crypto',
      'node:fs',
      'node:path',
      'node:util',
    ],
  ],
  config: [
    ['errors.ts', 'printable.ts'],
    ['zod', 'yaml', 'node:fs', 'node:path', 'node:os', 'node:net'],
  ],
  dns: [['errors.ts'], ['node:dns', 'node:net']],
  limits: [['filters'], []],
  filters: [
    ['mail', 'rules', 'dns', 'errors.ts', 'log.ts'],
    ['zod', 'node:fs', 'node:path', 'node:net'],
  ],
  verdicts: [
    ['mail', 'dns', 'errors.ts', 'log.ts'],
    ['mailauth', 'node:crypto', 'node:module', 'node:net', 'node:stream', 'node:tls', 'node:url'],
  ],
  notify: [
    ['mail', 'config', 'errors.ts'],
    [
      '@aws-sdk/client-lambda',
      '@aws-sdk/client-sns',
      '@aws-sdk/client-sqs',
      'ioredis',
      'node:crypto',
      'node:dns',
      'node:http',
      'node:https',
      'node:net',
    ],
  ],
  actions: [['mail', 'rules', 'seal', 'store', 'notify', 'errors.ts', 'log.ts'], []],
  delivery: [
    ['mail', 'rules', 'actions', 'spool', 'errors.ts', 'log.ts'],
    ['bullmq', 'ioredis'],
  ],
  haraka: [
    ['errors.ts', 'log.ts', 'mail', 'spared.ts'],
    ['haraka-constants', 'node:fs', 'node:path', 'node:module', 'node:net', 'node:os', 'node:tls'],
  ],
  replay: [['mail', 'rules', 'actions', 'client', 'spool', 'store', 'errors.ts'], []],
  client: [
    ['mail', 'seal', 'store', 'errors.ts'],
    ['@aws-sdk/client-kms', 'node:fs'],
  ],
  rewrap: [['client', 'seal', 'store', 'errors.ts'], []],
  cli: [['*'], ['*']],
  roles: [['*'], ['*']],
  'edge.ts': [['*'], ['*']],
  plugins: [
    [
      'haraka',
      'edge.ts',
      'log.ts',
      'mail',
      'rules',
      'spool',
      'filters',
      'limits',
      'verdicts',
      'errors.ts',
    ],
    ['haraka-constants'],
  ],
}

type Import = { readonly file: string; readonly from: string; readonly target: string }

function importsOf(file: string): Import[] {
  const text = readFileSync(join(root, file), 'utf8')
  const from = file.startsWith('plugins/') ? 'plugins' : (file.split('/')[1] ?? '')
  const specifiers = [...text.matchAll(/(?:\bfrom\s+|\bimport\s*\(?\s*)'([^']+)'/g)].map(
    (m) => m[1] ?? '',
  )
  return specifiers.map((specifier) => {
    if (!specifier.startsWith('.')) return { file, from, target: packageOf(specifier) }
    const path = relative(root, join(root, dirname(file), specifier))
    return { file, from, target: path.startsWith('src/') ? `./${path.split('/')[1]}` : `./${path}` }
  })
}

/** The package a bare specifier names; a built-in stays whole but for its subpath (`node:fs/promises`). */
function packageOf(specifier: string): string {
  const parts = specifier.split('/')
  return specifier.startsWith('@') ? parts.slice(0, 2).join('/') : (parts[0] ?? '')
}

function mayImport({ from, target }: Import): boolean {
  const row = table[from]
  if (row === undefined) return false
  const [folders, packages] = row
  if (!target.startsWith('./')) return packages.includes('*') || packages.includes(target)
  const folder = target.slice(2)
  if (folder === from) return true
  return folders.includes('*') ? folder !== 'plugins' : folders.includes(folder)
}

const files = globSync(['src/**/*.ts', 'plugins/*.ts'], { cwd: root })

test('every import is in the table', () => {
  const misplaced = files.flatMap(importsOf).filter((each) => !mayImport(each))
  expect(misplaced).toEqual([])
})

test('the table names no built-in module that does not exist', () => {
  const named = Object.values(table).flatMap(([, packages]) => packages)
  const unknown = named.filter(
    (each) => each.startsWith('node:') && !builtinModules.includes(each.slice(5)),
  )
  expect(unknown).toEqual([])
})
