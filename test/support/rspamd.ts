/** A real rspamd: one normal worker on a port of its own, without the modules that ask the network. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { errorCode } from '../../src/errors.ts'
import { freePort } from './port.ts'

export type RunningRspamd = {
  readonly url: string
  readonly pid: number
  readonly stop: () => Promise<void>
}

/** Resolves when it answers. */
export async function startRspamd(): Promise<RunningRspamd> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-rspamd-'))
  const port = await freePort()
  const file = join(directory, 'rspamd.conf')
  writeFileSync(file, configuration(directory, port))
  writeFileSync(join(directory, 'rules.lua'), rules)
  // The list of all top-level domains takes it nine seconds to read.
  writeFileSync(join(directory, 'domains.dat'), 'test\n')
  // A group of its own: its workers end with it.
  const child = spawn('rspamd', ['-f', '-i', '-c', file], { stdio: 'ignore', detached: true })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const url = `http://127.0.0.1:${port}`
  await answering(url, child)
  return {
    url,
    pid: child.pid ?? 0,
    async stop() {
      if (child.pid !== undefined) process.kill(-child.pid, 'SIGKILL')
      await gone
      // A worker may go a moment later than its parent, and still take a connection.
      while (!(await isRefused(url)));
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function isRefused(url: string): Promise<boolean> {
  const failure = await fetch(url).catch((error: unknown) => error)
  return failure instanceof Error && errorCode(failure.cause) === 'ECONNREFUSED'
}

function configuration(directory: string, port: number): string {
  return `
options {
  pidfile = "${directory}/rspamd.pid";
  filters = "";
  check_all_filters = false;
  dns { nameserver = ["127.0.0.1:9"]; timeout = 0.05s; retransmits = 1; }
  tempdir = "${directory}";
  hs_cache_dir = "${directory}";
  gtube_patterns = "all";
  url_tld = "${directory}/domains.dat";
}
logging { type = "file"; filename = "${directory}/rspamd.log"; level = "warning"; }
worker "normal" { bind_socket = "127.0.0.1:${port}"; count = 1; task_timeout = 8s; }
actions { reject = 15; add_header = 6; greylist = 4; }
lua = "${directory}/rules.lua"
metric "default" {
  symbol "SUBJECT_SPAM" { score = 8.0; }
}
`
}

/** Rules that fire on the envelope, so that a test can see what of it arrived. */
const rules = `
rspamd_config.SUBJECT_SPAM = {
  callback = function(task) return (task:get_subject() or ''):find('cheap pills') ~= nil end,
  score = 8.0
}
rspamd_config.ENVELOPE = {
  callback = function(task)
    local rcpts = task:get_recipients('smtp') or {}
    local from = (task:get_from('smtp') or {{}})[1] or {}
    return true, 0.0, string.format('%s|%s|%s|%d|%s', tostring(task:get_from_ip()), task:get_helo() or '', from.addr or '', #rcpts, task:get_hostname() or '')
  end,
  score = 0.0
}
`

async function answering(url: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const found = await fetch(`${url}/ping`).catch(() => undefined)
    if (found?.status === 200) return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`rspamd ended with ${child.exitCode}`)
}

/** What judgements name as the engine: Debian's rspamd changes under the tests. */
export const rspamdEngine = `rspamd@${
  /version ([\d.]+)/.exec(execFileSync('rspamd', ['--version'], { encoding: 'utf8' }))?.[1]
}`
