/** Runs a command of the command line in this process, with a configuration of its own. */
import { mkdirSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { vi } from 'vitest'
import { checkCommand } from '../../../src/cli/check.ts'
import { explainCommand } from '../../../src/cli/explain-command.ts'
import { keysCommand } from '../../../src/cli/keys.ts'
import { mailCommand } from '../../../src/cli/mail.ts'
import { quarantineCommand } from '../../../src/cli/quarantine.ts'
import { queueCommand } from '../../../src/cli/queue.ts'
import { replayCommand } from '../../../src/cli/replay.ts'
import { rulesCommand } from '../../../src/cli/rules.ts'
import { temporaryDirectory } from '../../support/temporary.ts'

export type Home = {
  readonly path: string
  /** The directory of a bucket. */
  readonly bucket: (name: string) => string
  /** Writes a file below the home and gives its path. */
  readonly write: (name: string, text: string, mode?: number) => string
  readonly run: (...args: string[]) => Promise<Ran>
}

export type Ran = { readonly out: Buffer; readonly err: string; readonly error?: unknown }

/** A data directory and a postern.yaml, which may be given more lines; no rules unless written. */
export function newHome(lines = ''): Home {
  const path = temporaryDirectory('cli')
  const write: Home['write'] = (name, text, mode = 0o600) => {
    mkdirSync(join(path, name, '..'), { recursive: true })
    writeFileSync(join(path, name), text, { mode })
    return join(path, name)
  }
  const config = write('postern.yaml', `dataDir: ./data\n${lines}`)
  return {
    path,
    write,
    bucket: (name) => join(path, 'data/store', name),
    run: (...args) => run(['--config', config, ...args]),
  }
}

async function run(args: readonly string[]): Promise<Ran> {
  const out: Buffer[] = []
  const err: string[] = []
  const take = (all: Buffer[]) => (chunk: string | Uint8Array) => {
    all.push(Buffer.from(chunk as string))
    return true
  }
  const stdout = vi.spyOn(process.stdout, 'write').mockImplementation(take(out))
  const stderr = vi.spyOn(process.stderr, 'write').mockImplementation((chunk) => {
    err.push(String(chunk))
    return true
  })
  const program = new Command('postern').option('--config <file>')
  program.addCommand(mailCommand()).addCommand(keysCommand()).addCommand(explainCommand())
  program.addCommand(replayCommand()).addCommand(quarantineCommand())
  program.addCommand(queueCommand())
  program.addCommand(rulesCommand()).addCommand(checkCommand())
  for (const each of allOf(program)) each.exitOverride()
  try {
    await program.parseAsync(args, { from: 'user' })
    return { out: Buffer.concat(out), err: err.join('') }
  } catch (error) {
    return { out: Buffer.concat(out), err: err.join(''), error }
  } finally {
    stdout.mockRestore()
    stderr.mockRestore()
  }
}

function allOf(command: Command): Command[] {
  return [command, ...command.commands.flatMap((each) => allOf(each))]
}

/** The lines of JSON that a command printed. */
export function jsonOf({ out }: Ran): Record<string, unknown>[] {
  const lines = out.toString().split('\n')
  return lines.filter((line) => line !== '').map((line) => JSON.parse(line))
}
