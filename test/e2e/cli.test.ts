/** The commands as a person or a script runs them: the real binary against a running Postern. */
import { execFile, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { promisify } from 'node:util'
import type { Command } from 'commander'
import { afterAll, beforeAll, describe, expect, onTestFinished, test } from 'vitest'
import { checkCommand } from '../../src/cli/check.ts'
import { explainCommand } from '../../src/cli/explain-command.ts'
import { keysCommand } from '../../src/cli/keys.ts'
import { mailCommand } from '../../src/cli/mail.ts'
import { quarantineCommand } from '../../src/cli/quarantine.ts'
import { queueCommand } from '../../src/cli/queue.ts'
import { replayCommand } from '../../src/cli/replay.ts'
import { rulesCommand } from '../../src/cli/rules.ts'
import { sendCommand } from '../../src/cli/send.ts'
import { serveCommand } from '../../src/cli/serve.ts'
import { freePort } from '../support/load.ts'
import {
  type CliResult,
  type RunningPostern,
  runCli,
  startPostern,
  stopAll,
  until,
} from '../support/postern.ts'

const program = join(import.meta.dirname, '../../bin/postern')
const run = promisify(execFile)

let postern: RunningPostern

beforeAll(async () => {
  // `postern send` goes to the port that the configuration names.
  postern = await startPostern({
    config: { smtp: { listen: [`127.0.0.1:${await freePort()}`] } },
  })
})
afterAll(stopAll)

function scratch(): string {
  const directory = mkdtempSync(join(tmpdir(), 'postern-cli-'))
  onTestFinished(() => rmSync(directory, { recursive: true, force: true }))
  return directory
}

/** Runs a command that has to succeed and to say nothing beside. */
async function succeed(...args: string[]): Promise<CliResult> {
  const result = await postern.cli(...args)
  expect([result.code, result.stderr]).toEqual([0, ''])
  return result
}

/** Sends a message with `postern send`; answers its id when it is stored. */
async function send(...args: string[]): Promise<string> {
  const { stdout } = await succeed('send', '--to', 'you@example.test', ...args)
  const id = /^250 OK ([0-9a-v]{40})\n$/.exec(stdout)?.[1]
  expect(id, stdout).toBeDefined()
  await postern.delivered()
  return id ?? ''
}

const lines = ({ stdout }: CliResult): string[] => stdout.split('\n').filter((each) => each !== '')

describe('a message that postern send handed over', () => {
  test('is read back: listed, whole, as received, and its receipt', async () => {
    const file = join(scratch(), 'message.eml')
    const original = Buffer.from('Subject: caf\xe9\r\n\r\n.dot\r\n', 'latin1')
    writeFileSync(file, original)
    const id = await send('--from', 'me@example.test', '--message', file)

    const listed = lines(await succeed('mail', 'list'))
    expect(listed.filter((line) => line.startsWith(id))).toEqual([
      expect.stringMatching(
        /^\S+ {2}\S+ +\d+ {2}spf=\w+ dkim=GRAY dmarc=\w+ spam=DISABLED virus=DISABLED$/,
      ),
    ])
    expect((await succeed('mail', 'get', id, '--original')).bytes).toEqual(original)
    const whole = (await succeed('mail', 'get', id)).bytes
    expect(whole.toString('latin1')).toMatch(/^Return-Path: <me@example\.test>\r\n/)
    expect(whole.subarray(-original.length)).toEqual(original)
    const receipt = JSON.parse((await succeed('mail', 'get', id, '--receipt')).stdout)
    expect(receipt).toMatchObject({
      id,
      rule: 'all',
      recipients: ['you@example.test'],
      envelope: { reversePath: 'me@example.test', tls: { version: 'TLSv1.3' } },
      size: original.length,
    })
  })

  test('is the newest, which is what get shows when no id is given', async () => {
    const id = await send('--subject', 'the newest')
    expect((await succeed('mail', 'get')).stdout).toContain('\r\nSubject: the newest\r\n')
    const { key, receipt } = JSON.parse((await succeed('mail', 'get', '--json')).stdout)
    expect([key, receipt.id]).toEqual([id, id])
  })

  test('is one JSON object a line for programs, with these fields and no others', async () => {
    const id = await send()
    const items = lines(await succeed('mail', 'list', '--json')).map((line) => JSON.parse(line))
    const item = items.find((each) => each.id === id)
    expect(Object.keys(item)).toEqual(['id', 'key', 'time', 'size', 'verdicts'])
    expect(item.key).toBe(id)
    expect(item.verdicts).toEqual({
      // No name server is asked in this test.
      ...{ spf: 'PROCESSING_FAILED', dkim: 'GRAY', dmarc: 'PROCESSING_FAILED' },
      ...{ spam: 'DISABLED', virus: 'DISABLED' },
    })
  })

  test('is refused in a sentence when no rule takes it', async () => {
    const result = await postern.cli('send', '--to', 'you@elsewhere.example')
    expect(result.code).toBe(1)
    expect(result.stderr).toMatch(/^postern: .+ did not take the message: .*550 5\.1\.1 .*\n$/)
  })
})

test('tail shows what arrives, as it arrives, and ends with 0 on Ctrl-C', async () => {
  const args = ['--config', postern.configFile, 'mail', 'tail', '--json', '--interval', '0.1']
  const child = spawn(program, args, { stdio: ['ignore', 'pipe', 'pipe'] })
  onTestFinished(() => void child.kill('SIGKILL'))
  let stdout = ''
  let stderr = ''
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    stdout += text
  })
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  await until(() => stderr.includes('looking for new messages'))
  const sent: string[] = []
  // Its first look may come after the first of them.
  while (!stdout.includes('\n')) sent.push(await send())
  const { id } = JSON.parse(stdout.split('\n')[0] ?? '')
  expect(sent).toContain(id)
  child.kill('SIGINT')
  expect(await once(child, 'exit')).toEqual([0, null])
})

test('swaks, which we did not write, sends a message with an attachment that is read back', async () => {
  const attachment = join(scratch(), 'invoice.pdf')
  const octets = Buffer.from(Array.from({ length: 3000 }, (_, index) => (index * 7) % 256))
  writeFileSync(attachment, octets)
  const { stdout } = await run('swaks', [
    ...['--server', `${postern.host}:${postern.port}`, '--from', 'me@example.test'],
    ...['--to', 'you@example.test', '--header', 'Subject: with an attachment'],
    ...['--body', 'see there', '--attach-type', 'application/pdf', '--attach', `@${attachment}`],
  ])
  const id = /<-\s+250 OK ([0-9a-v]{40})/.exec(stdout)?.[1] ?? ''
  await postern.delivered()
  const original = (await succeed('mail', 'get', id, '--original')).stdout
  expect(original).toContain('\r\nSubject: with an attachment\r\n')
  const body = original.split('\r\n\r\n').find((part) => /^[A-Za-z0-9+/=\r\n]{3000,}/.test(part))
  expect(Buffer.from(body?.split('\r\n--')[0] ?? '', 'base64')).toEqual(octets)
})

test('explain --json has the shape that the design promises', async () => {
  const { stdout } = await succeed('explain', '--to', 'you@example.test', '--json')
  const recipients = ['you@example.test']
  expect(JSON.parse(stdout)).toMatchObject({
    disposition: 'accept',
    rules: [{ name: 'all', matched: true, recipients, why: expect.any(String) }],
    plan: [{ rule: 'all', action: { S3Action: { BucketName: 'inbox' } }, recipients }],
  })
  const refused = await succeed('explain', '--to', 'you@elsewhere.example', '--json')
  expect(JSON.parse(refused.stdout)).toMatchObject({ disposition: 'reject', plan: [] })
})

test('an empty queue is said in a sentence, and is nothing for programs', async () => {
  await postern.delivered()
  expect((await succeed('queue', 'list')).stdout).toBe(
    'Nothing waits: all accepted mail is delivered.\n',
  )
  expect((await succeed('queue', 'dead')).stdout).toBe('There are no dead letters.\n')
  expect((await succeed('queue', 'list', '--json')).stdout).toBe('')
})

test('keys new writes a secret that nobody else reads, and never writes over it', async () => {
  const dir = scratch()
  expect((await runCli('keys', 'new', 'ops', '--dir', dir)).code).toBe(0)
  const secret = join(dir, 'ops.key')
  expect(statSync(secret).mode & 0o777).toBe(0o600)
  const before = readFileSync(secret)
  const again = await runCli('keys', 'new', 'ops', '--dir', dir)
  expect(again.code).not.toBe(0)
  expect(again.stderr).toMatch(/^postern: .+ops\.key is there already.+give another name.+\n$/)
  expect(readFileSync(secret)).toEqual(before)
})

const wrong = [
  // arguments, says, why
  [['serve', '--role', 'pop3'], 'The roles are smtp, worker, http.', 'an unknown role'],
  [['mial'], 'Did you mean mail?', 'an unknown command'],
  [['mail', 'lits'], 'Did you mean list?', 'an unknown command of a group'],
  [['check', '--colour'], "unknown option '--colour'", 'an unknown option'],
  [['send'], '--to', 'an option that must be given'],
  [['keys', 'new'], "missing required argument 'name'", 'an argument that must be given'],
  [['mail', 'list', '--limit', '0'], 'from 1 on', 'a value out of its range'],
  [['mail', 'get', '--original', '--receipt'], 'cannot be used with', 'options that disagree'],
] as const

test.for(wrong)('%j is answered "%s" and exit code 2: %s', async ([args, says]) => {
  const { code, stdout, stderr } = await runCli(...args)
  expect([code, stdout]).toEqual([2, ''])
  expect(stderr).toContain(says)
  expect(stderr).toContain('--help shows what there is')
})

test('--help of every command has an example that begins with postern', async () => {
  const { stdout } = await runCli('--help')
  const section = /^Commands:\n((?: {2}.*\n)+)/m.exec(stdout)?.[1] ?? ''
  const names = [...section.matchAll(/^ {2}([a-z]+)/gm)].map((match) => match[1] ?? '')
  // One process for each of them would take a minute.
  const commands = [
    ...[serveCommand, checkCommand, explainCommand, keysCommand],
    ...[mailCommand, queueCommand, replayCommand, quarantineCommand, rulesCommand, sendCommand],
  ].map((command) => command())
  expect(commands.map((command) => command.name())).toEqual(names.filter((name) => name !== 'help'))
  for (const command of commands) expectExample(command, command.name())
})

function expectExample(command: Command, path: string): void {
  for (const each of command.commands) expectExample(each, `${path} ${each.name()}`)
  if (command.commands.length > 0) return
  let help = ''
  command.configureOutput({
    writeOut: (text) => {
      help += text
    },
  })
  command.outputHelp()
  expect(help).toMatch(new RegExp(`^Examples?:\\n(?: {2}.*\\n)* {2}postern ${path}\\b`, 'm'))
}
