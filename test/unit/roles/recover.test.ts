/** Which journals a start takes for those of processes that are gone. */
import { type ChildProcess, spawn } from 'node:child_process'
import { once } from 'node:events'
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, expect, test } from 'vitest'
import type { Config } from '../../../src/config/options.ts'
import { recoverSpool } from '../../../src/roles/recover.ts'
import { bootId } from '../../../src/spool/journal.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

const dataDir = temporaryDirectory('recover')
const journals = join(dataDir, 'spool', 'journal')
mkdirSync(journals, { recursive: true })
const config = { dataDir } as Config

let child: ChildProcess | undefined
afterEach(() => {
  child?.kill('SIGKILL')
  rmSync(journals, { recursive: true, force: true })
  mkdirSync(journals, { recursive: true })
})

/** A process that waits, with arguments like those of a role. */
async function running(...args: readonly string[]): Promise<number> {
  const script = 'process.stdout.write("up"); setInterval(() => {}, 1000)'
  child = spawn(process.execPath, ['-e', script, '--', ...args], {
    stdio: ['ignore', 'pipe', 'inherit'],
  })
  if (child.stdout !== null) await once(child.stdout, 'data')
  return child.pid ?? 0
}

function journalOf(pid: number, boot = bootId()): string {
  const name = `${boot}.${pid}.a`
  writeFileSync(join(journals, name), '')
  return name
}

test('an SMTP process of a serve that was killed still answers its sessions: its journal stays until it is gone', async () => {
  const pid = await running('--role', 'smtp', '--dataDir', dataDir)
  const name = journalOf(pid)
  await recoverSpool(config)
  expect(readdirSync(journals)).toEqual([name])
  const exited = child && once(child, 'exit')
  child?.kill('SIGKILL')
  await exited
  await recoverSpool(config)
  expect(readdirSync(journals)).toEqual([])
})

test('a process of another kind has its number by now: the journal is of one that is gone', async () => {
  journalOf(await running('--role', 'worker'))
  await recoverSpool(config)
  expect(readdirSync(journals)).toEqual([])
})

test('after a reboot numbers say nothing', async () => {
  journalOf(await running('--role', 'smtp'), 'an-earlier-boot')
  await recoverSpool(config)
  expect(readdirSync(journals)).toEqual([])
})

test('who saw it die says so', async () => {
  const pid = await running('--role', 'smtp')
  journalOf(pid)
  await recoverSpool(config, pid)
  expect(readdirSync(journals)).toEqual([])
})

test('what can not be read ends the start, and says where the mail is', async () => {
  mkdirSync(join(journals, 'an-earlier-boot.7.a'))
  await expect(recoverSpool(config)).rejects.toThrow(
    `${journals} could not be brought back (EISDIR`,
  )
})
