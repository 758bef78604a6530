/** The runtimes that the library is for, besides the Node that runs the tests; scripts/test.sh installs them. */
import { existsSync, globSync, readFileSync } from 'node:fs'
import { cp, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { root, run } from './consumer.ts'
import type { Job, Outcome } from './reader.ts'
import type { OldCipher } from './vector-jobs.ts'

export type Runtime = {
  readonly name: string
  readonly version: string
  /** Undefined where npm has none for this machine. */
  readonly program: string | undefined
  /** What stands before the file to run. */
  readonly args: readonly string[]
  /** What it cannot decrypt, as docs/sdk.md says. */
  readonly lacks?: OldCipher
}

/** What Deno has to be allowed, as docs/sdk.md says: files, and the settings that the AWS SDK looks for. */
export const DENO_FLAGS = ['--allow-read', '--allow-env=AWS_*']
/** … and instead of those, with the host of the bucket. */
export const DENO_S3_FLAGS = ['--allow-env', '--allow-sys=osRelease', '--allow-net']

const installed = installedPackages()

export const runtimes: readonly Runtime[] = [
  runtime('Node', 'node-*/bin/node', []),
  runtime('Deno', '@deno/*/deno', ['run', '--no-prompt', ...DENO_FLAGS]),
  { ...runtime('Bun', '@oven/*/bin/bun', ['run']), lacks: 'RSA PKCS #1 v1.5' },
]

const main = `import { readFileSync } from 'node:fs'
import { outcomeOf } from './reader.ts'
const jobs = JSON.parse(readFileSync('jobs.json', 'utf8'))
const outcomes = []
for (const job of jobs) outcomes.push(await outcomeOf(job))
console.log(JSON.stringify(outcomes))`

/** What reader.ts makes of `jobs` there, with the library that the consumer has (consumer.ts). */
export async function outcomesOn(
  { program = '', args }: Pick<Runtime, 'program' | 'args'>,
  consumer: string,
  jobs: readonly Job[],
): Promise<Outcome[]> {
  await cp(join(root, 'test/support/reader.ts'), join(consumer, 'reader.ts'))
  await writeFile(join(consumer, 'main.ts'), main)
  await writeFile(join(consumer, 'jobs.json'), JSON.stringify(jobs))
  const env = { ...process.env, NO_COLOR: '1', DENO_DIR: join(consumer, '.deno') }
  const { stdout } = await run(program, [...args, 'main.ts'], { cwd: consumer, env })
  return JSON.parse(stdout)
}

function runtime(name: string, file: string, args: readonly string[]): Runtime {
  const spec = installed.find((each) => each.startsWith(name.toLowerCase())) ?? name
  const home = join(root, 'node_modules/.runtimes', spec)
  if (!existsSync(join(home, '.done')))
    throw new Error(`${spec} is not in node_modules/.runtimes: npm test installs it.`)
  const [program] = globSync(join(home, 'node_modules', file))
  return { name, version: spec.split('@')[1] ?? '', program, args }
}

/** What scripts/test.sh names: `deno@2.9.6`, … */
function installedPackages(): string[] {
  const script = readFileSync(join(root, 'scripts/test.sh'), 'utf8')
  const [, line = ''] = /^install_runtimes (.*)$/m.exec(script) ?? []
  const machine = `${process.platform}-${process.arch}`
  return line.replaceAll('"', '').replace('$machine', machine).split(' ')
}
