/**
 * What a person sees who makes a mistake: one sentence that names the thing and the remedy, no stack,
 * and exit code 78 where a file of theirs is wrong, 2 for the command line.
 */
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { type AddressInfo, createServer } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, onTestFinished, test } from 'vitest'
import { stringify } from 'yaml'
import { type CliResult, runCli, startPostern, stopAll } from '../support/postern.ts'

afterAll(stopAll)

const arn = 'arn:aws:kms:eu-west-1:123456789012:key/1234abcd'

/** Files and options that make a whole Postern, but for what a test changes. */
function newHome(config: object = {}, files: Readonly<Record<string, string>> = {}): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-start-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  mkdirSync(join(directory, 'rules'))
  const all = {
    'postern.yaml': stringify({
      dataDir: './data',
      smtp: { listen: ['127.0.0.1:0'] },
      http: { listen: '127.0.0.1:0' },
      ...config,
    }),
    'rules/default.yaml': ruleSet({ BucketName: 'inbox' }),
    ...files,
  }
  for (const [name, text] of Object.entries(all)) writeFileSync(join(directory, name), text)
  return directory
}

function ruleSet(action: object, enabled = true): string {
  const rule = { Name: 'all', Enabled: enabled, Actions: [{ S3Action: action }] }
  return stringify({ Metadata: { Name: 'default' }, Rules: [rule] })
}

const start = (home: string, command = 'serve'): Promise<CliResult> =>
  runCli('--config', join(home, 'postern.yaml'), command)

/** The lines for people; log records are for machines. */
function sentences({ stderr }: CliResult): string[] {
  const lines = stderr.split('\n').filter((line) => line !== '' && !line.startsWith('{'))
  return lines.filter((line) => !line.startsWith('postern: warning: '))
}

function expectSentence(result: CliResult, ...parts: readonly string[]): void {
  const said = sentences(result)
  expect(said).toHaveLength(1)
  expect(said[0]).toMatch(/^postern: /)
  for (const part of parts) expect(said[0]).toContain(part)
  expect(result.stderr).not.toMatch(/^\s+at /m)
  expect(result.code).toBe(78)
}

/** A port that another program has. */
async function takenPort(): Promise<number> {
  const server = createServer()
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  onTestFinished(() => void server.close())
  return (server.address() as AddressInfo).port
}

test.for(['smtp', 'http'])('a taken %s port is named with what shows who has it', async (role) => {
  const port = await takenPort()
  const address = `127.0.0.1:${port}`
  const home = newHome(
    role === 'smtp' ? { smtp: { listen: [address] } } : { http: { listen: address } },
  )
  const result = await start(home)
  expectSentence(result, `${role}.listen: ${address} is taken`, `ss -ltnp "sport = :${port}"`)
})

const keyOf = (file: string) => ({ keys: { main: { type: 'nacl', publicKey: `./${file}` } } })
const secret = `postern-nacl-secret-key ${Buffer.alloc(32, 7).toString('base64')}\n`

const mistakes: readonly {
  readonly mistake: string
  readonly config?: object
  readonly files?: Readonly<Record<string, string>>
  readonly says: readonly string[]
  readonly why: string
}[] = [
  {
    mistake: 'a rule set that is not there',
    config: { rules: { dir: './rules', active: 'other' } },
    says: ['There is no rule set other', 'it holds default', 'write '],
    why: 'what is there shows the typing error',
  },
  {
    mistake: 'a broken rule file',
    files: {
      'rules/default.yaml': 'Metadata: { Name: default }\nRules: [{ Name: x, Enabeld: true }]\n',
    },
    says: ['rules/default.yaml:2:', 'Enabeld'],
    why: 'an editor jumps to file:line:column',
  },
  {
    mistake: 'a KMS key that nothing maps',
    files: { 'rules/default.yaml': ruleSet({ BucketName: 'inbox', KmsKeyArn: arn }) },
    says: ['rule all', arn, 'is not mapped', 'resources: { keys:'],
    why: 'each message of the rule would wait for days and then be a dead letter',
  },
  {
    mistake: 'a public key file that is not there',
    config: keyOf('nowhere.pub'),
    says: ['postern.yaml:', 'keys.main.publicKey', 'nowhere.pub cannot be read (ENOENT)'],
    why: 'the first delivery is too late to find out',
  },
  {
    mistake: 'a .pub file of garbage',
    config: keyOf('ops.pub'),
    files: { 'ops.pub': 'ssh-ed25519 AAAAC3NzaC1lZDI1NTE5 me@host\n' },
    says: ['ops.pub: This is not a NaCl public key', 'it should read "postern-nacl-public-key"'],
    why: 'it is the kind of .pub file that people have',
  },
  {
    mistake: 'an empty .pub file',
    config: keyOf('ops.pub'),
    files: { 'ops.pub': '' },
    says: ['ops.pub: This is not a NaCl public key'],
    why: 'a copy that was cut short leaves one',
  },
  {
    mistake: 'a .pub file that holds a secret key',
    config: keyOf('ops.pub'),
    files: { 'ops.pub': secret },
    says: ['ops.pub: This is a secret key where a public one belongs', 'off this machine'],
    why: 'the server must never have it, and must not repeat it',
  },
]

test.for(mistakes)('serve refuses $mistake: $why', async ({ config, files, says }) => {
  const result = await start(newHome(config, files))
  expectSentence(result, ...says)
  expect(result.stderr).not.toContain(secret.split(' ')[1]?.trim())
})

test.for(mistakes)('check refuses $mistake: $why', async ({ config, files, says }) => {
  expectSentence(await start(newHome(config, files), 'check'), ...says)
})

test('check lists all mistakes at once, each on its line', async () => {
  const home = newHome(keyOf('ops.pub'), {
    'ops.pub': 'garbage',
    'rules/default.yaml': ruleSet({ BucketName: 'inbox', KmsKeyArn: arn }),
  })
  const result = await start(home, 'check')
  expect(sentences(result)).toEqual([
    expect.stringContaining('is not mapped'),
    expect.stringContaining('not a NaCl public key'),
  ])
  expect(result.code).toBe(78)
})

const acceptable = [
  ['a KMS key that resources.keys maps', { resources: { keys: { [arn]: 'main' } } }, true],
  ['a KMS key of a disabled rule', {}, false],
] as const

test.for(acceptable)('check takes %s, and makes no file', async ([, config, enabled]) => {
  const home = newHome(config, {
    'rules/default.yaml': ruleSet({ BucketName: 'inbox', KmsKeyArn: arn }, enabled),
  })
  const result = await start(home, 'check')
  expect(sentences(result)).toEqual([])
  expect(result.code).toBe(0)
  expect(() => mkdirSync(join(home, 'data'))).not.toThrow()
})

test('a role alone refuses what it needs, as all of it does', async () => {
  const home = newHome(keyOf('ops.pub'), { 'ops.pub': 'garbage' })
  const file = join(home, 'postern.yaml')
  const worker = await runCli('--config', file, 'serve', '--role', 'worker')
  expectSentence(worker, 'ops.pub: This is not a NaCl public key')
  writeFileSync(join(home, 'rules/default.yaml'), 'nothing')
  const smtp = await runCli('--config', file, 'serve', '--role', 'smtp')
  expectSentence(smtp, 'rules/default.yaml:1:1')
})

const places = [
  ['below a regular file', 'postern.yaml/data', 'ENOTDIR'],
  ['where the kernel makes the files', '/proc/postern', 'ENOENT'],
] as const

test.for(places)('a dataDir %s can not be made, and that is said', async ([, dataDir, code]) => {
  const result = await start(newHome({ dataDir }))
  expectSentence(result, `${dataDir} can't be written by user`, code, 'set another dataDir')
})

test('without redis-server it says what to install, or what to set instead', async () => {
  const home = newHome()
  const bin = join(home, 'bin')
  mkdirSync(bin)
  // What bin/postern itself needs; redis-server is not among them.
  for (const each of ['dirname', 'readlink', 'setpriv', 'sh', 'env']) {
    symlinkSync(`/usr/bin/${each}`, join(bin, each))
  }
  const path = process.env['PATH']
  process.env['PATH'] = bin
  onTestFinished(() => {
    process.env['PATH'] = path
  })
  const result = await start(home)
  expectSentence(result, 'redis-server', 'apt-get install redis-server', 'set redis: redis://HOST')
})

test('a configuration file that is not there is named, with what to do', async () => {
  const home = newHome()
  const file = join(home, 'none.yaml')
  const result = await runCli('--config', file, 'serve')
  expectSentence(result, `${file}: there is no such configuration file`, '--config')
})

test('an unknown option is named with its line and the one that was meant', async () => {
  const result = await start(newHome({ hostnam: 'mx.example.test' }))
  expectSentence(result, 'postern.yaml:', 'hostnam', 'hostname')
})

test('a second serve on the same dataDir names the process that has it', async () => {
  const postern = await startPostern()
  const result = await postern.cli('serve')
  expectSentence(result, `as process ${postern.pid}`, `kill ${postern.pid}`, 'another dataDir')
  expect(await postern.stop()).toBe(0)
})
