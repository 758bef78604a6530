/** What `npm pack` makes: a small package that works in somebody else's project, types included. */
import { mkdtemp, rename, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, expect, test } from 'vitest'
import { newConsumer, root, run } from '../../support/consumer.ts'
import { idOf, key, storeMessage, temporaryStore } from './support.ts'

const tsc = join(root, 'node_modules/.bin/tsc')

let consumer: string
let packed: { readonly size: number; readonly files: readonly { readonly path: string }[] }

beforeAll(async () => {
  consumer = await newConsumer(unpack)
})

afterAll(() => rm(consumer, { recursive: true }))

/** `prepare` writes dist/ as it packs: no other test may use that. */
async function unpack(at: string): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'postern-pack-'))
  const { stdout } = await run(
    'npm',
    ['pack', '--json', '--loglevel=error', '--pack-destination', directory],
    { cwd: root },
  )
  // npm 11 answers a list, and what `prepare` prints stands before it.
  const [answer] = JSON.parse(stdout.slice(stdout.indexOf('[\n')))
  packed = answer
  await run('tar', ['-xzf', join(directory, answer.filename), '-C', directory])
  await rename(join(directory, 'package'), at)
  await rm(directory, { recursive: true })
}

test('it is small, and holds the library, its pages and nothing of the server', () => {
  const places = new Set(packed.files.map(({ path }) => path.split('/').slice(0, 2).join('/')))
  expect([...places].sort()).toEqual([
    'LICENSE',
    'README.md',
    'bin/postern',
    'dist/client',
    'dist/errors.d.ts',
    'dist/errors.js',
    'dist/mail',
    'dist/seal',
    'dist/store',
    'docs/envelope.md',
    'docs/sdk.md',
    'docs/verdicts.md',
    'package.json',
  ])
  expect(packed.size).toBeLessThan(100_000)
})

test('a program that has it in node_modules opens a message', async () => {
  const { path, store } = temporaryStore()
  const at = await storeMessage(store, 'Subject: hello\r\n\r\nhello\r\n', { id: idOf(1) })
  const secret = JSON.stringify([...key.secretKey])
  const program = `import { dirStore, naclKey, openMailbox } from 'postern/client'
const keys = [naclKey(Uint8Array.from(${secret}))]
const message = await openMailbox({ store: dirStore(process.argv[2]), keys }).get(process.argv[3])
console.log(message.headers.get('subject'), message.original.length)`
  await writeFile(join(consumer, 'main.js'), program)
  const { stdout } = await run(process.execPath, ['main.js', path, at], { cwd: consumer })
  expect(stdout).toBe('hello 25\n')
})

test('a program in TypeScript gets the types', async () => {
  const program = `import { type Message, type MailboxReason, openMailbox, dirStore } from 'postern/client'
export const read = (key: string): Promise<Message> =>
  openMailbox({ store: dirStore('inbox') }).get(key)
// @ts-expect-error no such reason
export const reason: MailboxReason = 'bored'`
  await writeFile(join(consumer, 'types.ts'), program)
  const flags = ['--noEmit', '--strict', '--skipLibCheck', '--module', 'nodenext']
  const modern = ['--target', 'es2023', '--types', '', '--ignoreConfig']
  const { stdout } = await run(tsc, [...flags, ...modern, 'types.ts'], { cwd: consumer })
  expect(stdout).toBe('')
})

test('its command says that the server is not in it', async () => {
  const command = join(consumer, 'node_modules/postern/bin/postern')
  await expect(run(command, ['check'])).rejects.toMatchObject({
    stderr:
      'postern: this package holds the library for reading mail only; the server and its commands run in a checkout\n',
  })
})
