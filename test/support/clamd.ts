/** A real clamd on a unix socket, with Postern's own configuration and two test signatures. */
import { type ChildProcess, execFileSync, spawn } from 'node:child_process'
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { ask } from '../../src/verdicts/clamd.ts'
import { clamdConf, testSignatures } from '../../src/verdicts/clamd-own.ts'

export type RunningClamd = {
  /** `unix:/path`, as `virus.clamd` takes it. */
  readonly place: string
  readonly pid: number
  readonly stop: () => Promise<void>
}

/** Resolves when it answers. `conf`: lines that replace Postern's own. */
export async function startClamd(conf = ''): Promise<RunningClamd> {
  const directory = mkdtempSync(join(tmpdir(), 'postern-clamd-'))
  const socket = join(directory, 'clamd.sock')
  const database = join(directory, 'signatures')
  const work = join(directory, 'work')
  for (const each of [database, work]) mkdirSync(each)
  for (const [name, text] of Object.entries(testSignatures)) {
    writeFileSync(join(database, name), text)
  }
  const ours = clamdConf({ socket, database, work, maxMessageBytes: 40 * 1024 * 1024 })
  const replaced = new Set(conf.split('\n').map((line) => line.split(' ')[0]))
  const kept = ours.split('\n').filter((line) => !replaced.has(line.split(' ')[0]))
  const file = join(directory, 'clamd.conf')
  writeFileSync(file, [...kept, conf, ''].join('\n'))
  const child = spawn('clamd', ['--foreground', '-c', file], {
    stdio: 'ignore',
    env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
  })
  const gone = new Promise<void>((resolve) => child.once('exit', () => resolve()))
  const place = `unix:${socket}`
  await answering(place, child)
  return {
    place,
    pid: child.pid ?? 0,
    async stop() {
      child.kill('SIGKILL')
      await gone
      rmSync(directory, { recursive: true, force: true })
    },
  }
}

async function answering(place: string, child: ChildProcess): Promise<void> {
  while (child.exitCode === null) {
    const answer = await ask(place, 'PING', AbortSignal.timeout(1000)).catch(() => '')
    if (answer === 'PONG') return
    await new Promise((resolve) => setTimeout(resolve, 50))
  }
  throw new Error(`clamd ended with ${child.exitCode}`)
}

/** What judgements name as the engine: Debian's clamd changes under the tests. */
export const clamdEngine = `clamd@${
  /ClamAV ([\d.]+)/.exec(
    execFileSync('clamd', ['--version'], {
      encoding: 'utf8',
      env: { ...process.env, PATH: `${process.env['PATH']}:/usr/sbin` },
    }),
  )?.[1]
}`
