/**
 * `npm run torture -- fuzz`: hostile input for every parser, one after the other until the time is up.
 * Inputs that reach new code are changed further; what breaks a promise is written to a file that repeats
 * it. With TORTURE_KEEP=1 small inputs that reached something new stay in test/fixtures/fuzz as seeds.
 */
import { createHash } from 'node:crypto'
import { mkdirSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { printFigures } from '../../bench/measure.ts'
import type { Part, Request } from '../part.ts'
import { corpusDirectory } from './target.ts'
import { targetNames } from './targets.ts'
import { type Broken, runWatched } from './watched.ts'

const longestSeed = 1024

export const fuzz: Part = async (request) => {
  const { only = '' } = request
  const names = targetNames.filter((name) => name.includes(only))
  const seconds = request.seconds / Math.max(1, names.length)
  const rows: string[][] = []
  let failed = 0
  for (const name of names) {
    const report = await runWatched({ name, seconds, seed: request.seed })
    for (const each of report.broken) tell(name, request, each)
    if (process.env['TORTURE_KEEP'] !== undefined) keep(name, report.kept)
    failed += report.broken.length
    const { cases, kept, blocks, slowestMs, grownMB, broken } = report
    const figures = [cases, blocks, kept.length, slowestMs, grownMB, broken.length]
    rows.push([name, ...figures.map((each) => each.toFixed(0))])
  }
  printFigures(
    `Fuzzing, ${seconds.toFixed(1)} s for each parser; --seed ${request.seed} repeats it`,
    ['parser', 'cases', 'blocks', 'kept', 'slowest, ms', 'MB kept', 'failures'],
    rows,
  )
  return failed
}

function tell(name: string, { seed }: Request, { input, reason }: Broken): void {
  process.stdout.write(`${name}: ${reason} (--seed ${seed} --only ${name})\n`)
  if (input === undefined) return
  const file = join(tmpdir(), `postern-fuzz-${name}-${nameOf(input)}`)
  writeFileSync(file, input, { mode: 0o600 })
  process.stdout.write(`  the input is in ${file}; once it is mended it belongs in a test\n`)
}

function keep(name: string, kept: readonly Uint8Array[]): void {
  const directory = join(corpusDirectory, name)
  mkdirSync(directory, { recursive: true })
  for (const input of kept.filter(({ length }) => length <= longestSeed)) {
    writeFileSync(join(directory, nameOf(input)), input)
  }
}

function nameOf(input: Uint8Array): string {
  return createHash('sha256').update(input).digest('hex').slice(0, 12)
}
