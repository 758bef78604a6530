/** postern.yaml: whatever is in it, one UserError or a configuration; and never a secret in a message. */
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { loadConfig } from '../../../src/config/load.ts'
import { redact } from '../../../src/config/secrets.ts'
import { UserError } from '../../../src/errors.ts'
import { filesOf, holds, type Target } from '../target.ts'

const root = join(import.meta.dirname, '../../..')
const secret = 'hunter2hunter2'

let directory: string | undefined
function scratch(): string {
  if (directory === undefined) {
    directory = mkdtempSync(join(tmpdir(), 'postern-fuzz-'))
    process.on('exit', () => rmSync(directory ?? '', { recursive: true, force: true }))
  }
  return directory
}

function run(input: Uint8Array): void {
  const cwd = scratch()
  writeFileSync(join(cwd, 'postern.yaml'), input, { mode: 0o600 })
  try {
    const config = loadConfig({ file: 'postern.yaml', env: { PASSWORD: secret }, cwd })
    const shown = JSON.stringify(redact(config))
    const { redis, store } = config
    const hasSecret = JSON.stringify([redis, store]).includes(secret)
    holds(
      !hasSecret || !JSON.stringify(JSON.parse(shown).store).includes(secret),
      'redact hides secrets',
    )
  } catch (error) {
    if (!(error instanceof UserError)) throw error
    holds(!error.message.includes(secret), 'no message repeats what a variable holds')
    holds(
      error.message !== '' && !/[\x00-\x09\x0b-\x1f\x7f]/.test(error.message),
      'sentences in lines',
    )
  }
}

const examples = [
  ...readFileSync(join(root, 'docs/config.md'), 'utf8').matchAll(/```yaml[^\n]*\n(.*?)```/gs),
]
const fixtures = filesOf(join(root, 'test/fixtures/config')).filter((name) =>
  name.endsWith('.yaml'),
)

export const targets: readonly Target[] = [
  {
    name: 'config',
    seeds: [
      ...examples.map(([, text = '']) => Buffer.from(text)),
      Buffer.from(
        'redis: "redis://u:$' +
          '{PASSWORD}@r.test"\nstore: { type: s3, accessKeyId: a, secretAccessKey: "$' +
          '{PASSWORD}" }\n',
      ),
      ...fixtures.map((name) => readFileSync(name)),
    ],
    tokens: [
      ...[
        '$' + '{PASSWORD}',
        '$' + '{NOT_SET}',
        '$$' + '{',
        '$' + '{',
        '}',
        'smtp:',
        'listen:',
        '[::]:25',
        'tls:',
        'redis:',
      ],
      ...[
        'keys:',
        'type: nacl',
        'type: kms',
        'type: s3',
        'resources:',
        'buckets:',
        'topics:',
        'arn:aws:',
        '{ ',
        ' }',
        '[',
        ']',
      ],
      ...[
        '&a ',
        '*a',
        '<<: *a',
        '!!str ',
        '---\n',
        '? ',
        '|\n',
        '- ',
        '"',
        '#',
        'user: x',
        '__proto__: {}',
        '\n  ',
      ],
    ],
    run,
    maxBytes: 64 * 1024,
  },
]
