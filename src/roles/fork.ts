/** Between `serve` and the processes it forks: what they are started with. See forked.ts. */
import { join } from 'node:path'
import type { Config } from '../config/options.ts'
import type { Role } from './run-role.ts'

/** What is forked. */
export const program = join(import.meta.dirname, 'forked.ts')

/** Its arguments; dataDir is for people, who see in ps(1) which Postern it belongs to. */
export function roleArguments({ dataDir }: Config, role: Role, more: readonly string[]): string[] {
  return ['--role', role, '--dataDir', dataDir, ...more]
}

type ConfigMessage = { readonly postern: 'config'; readonly config: Config }

/** To be called right after the fork. One that is gone already is told of by its exit. */
export function sendConfig(
  child: { readonly send: (message: ConfigMessage, done: () => void) => unknown },
  config: Config,
): void {
  child.send({ postern: 'config', config }, () => {})
}

/** In the process that was forked: the first message there is. Node keeps those after it for `onStop`. */
export async function configReceived(): Promise<Config> {
  const message = await new Promise<ConfigMessage>((resolve) => process.once('message', resolve))
  return message.config
}
