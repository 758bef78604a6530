/** `postern serve`: everything, supervised; or one role alone. */
import { Command, InvalidArgumentError } from 'commander'
import { configureLog } from '../log.ts'
import { runHttp } from '../roles/http.ts'
import { runSmtp } from '../roles/smtp.ts'
import { supervise } from '../roles/supervisor.ts'
import { runWorker } from '../roles/worker.ts'
import { banner } from './banner.ts'
import { commandLine, configFile, configOf, printLine } from './context.ts'

const roles = ['smtp', 'worker', 'http'] as const
type Role = (typeof roles)[number]

type Options = { role?: Role; sweep: boolean; fresh?: true }

export function serveCommand(): Command {
  return new Command('serve')
    .description('Run Postern: take mail, seal it, store it. Ctrl-C stops it in order.')
    .option(
      '--role <role>',
      'run one role alone: smtp, worker or http (default: all, supervised)',
      parseRole,
    )
    .option('--no-sweep', 'worker: leave comparing spool and queue to another worker of this node')
    .option(
      '--fresh',
      'worker: no other worker of this node runs, so forget what the last run had under way',
    )
    .addHelpText('after', '\nExample:\n  postern serve --config /etc/postern/postern.yaml')
    .action(async (options: Options, command: Command) => {
      const config = configOf(command)
      configureLog(config.log)
      if (options.role === undefined) {
        const file = configFile(command)
        const args = [...(file === undefined ? [] : ['--config', file]), 'serve']
        const started = await supervise(config, { script: process.argv[1] ?? '', args })
        printLine(banner(config, { file, run: commandLine(command) }, started))
        return
      }
      const addresses = await runRole(options.role)
      process.send?.({ postern: 'serving', addresses })

      async function runRole(role: Role): Promise<readonly string[]> {
        if (role === 'smtp') return runSmtp(config)
        if (role === 'http') return [await runHttp(config)]
        await runWorker(config, { sweeps: options.sweep, fresh: options.fresh === true })
        return []
      }
    })
}

function parseRole(text: string): Role {
  const role = roles.find((each) => each === text)
  if (role === undefined) throw new InvalidArgumentError(`The roles are ${roles.join(', ')}.`)
  return role
}
