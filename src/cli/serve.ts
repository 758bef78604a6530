/** `postern serve`: everything, supervised; or one role alone. */
import { flushCompileCache } from 'node:module'
import { Command, InvalidArgumentError } from 'commander'
import { configureLog } from '../log.ts'
import { type Role, roleNames, runRole } from '../roles/run-role.ts'
import { commandLine, configFile, configOf, printLine } from './context.ts'

type Options = { role?: Role; worker: number; fresh?: true; again?: true }

export function serveCommand(): Command {
  return new Command('serve')
    .description('Run Postern: take mail, seal it, store it. Ctrl-C stops it in order.')
    .option(
      '--role <role>',
      'run one role alone: smtp, worker or http (default: all, supervised)',
      parseRole,
    )
    .option(
      '--worker <number>',
      'worker: which one of this node it is; the first, 0, also compares spool and queue',
      parseNumber,
      0,
    )
    .option(
      '--fresh',
      'worker: no other worker of this node runs, so forget what the last run had under way',
    )
    .option(
      '--again',
      'smtp: it has died; with rule files that can not be used, take the rules that were in force',
    )
    .addHelpText('after', '\nExample:\n  postern serve --config /etc/postern/postern.yaml')
    .action(async (options: Options, command: Command) => {
      // For what others write for us, too: Redis, clamd, Haraka's queue.
      process.umask(0o077)
      const config = configOf(command)
      const { dropPrivileges } = await import('../roles/privileges.ts')
      dropPrivileges(config)
      await configureLog(config.log)
      const { role, worker: number, fresh = false, again = false } = options
      if (role !== undefined) {
        const addresses = await runRole(config, { role, number, fresh, again })
        process.send?.({ postern: 'serving', addresses })
        return
      }
      const { supervise } = await import('../roles/supervisor.ts')
      const { banner } = await import('./banner.ts')
      const started = await supervise(config)
      const file = configFile(command)
      // As each process that it has forked (roles/forked.ts).
      flushCompileCache()
      printLine(banner(config, { file, run: commandLine(command) }, started))
    })
}

function parseNumber(text: string): number {
  if (!/^\d{1,3}$/.test(text)) throw new InvalidArgumentError('It is a number from 0.')
  return Number(text)
}

function parseRole(text: string): Role {
  const role = roleNames.find((each) => each === text)
  if (role === undefined) throw new InvalidArgumentError(`The roles are ${roleNames.join(', ')}.`)
  return role
}
