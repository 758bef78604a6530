/**
 * `npm run torture`: tries to break Postern for some minutes, stops by itself, prints figures and exits
 * with 1 when something broke. Words select parts: npm run torture -- fuzz --seconds 60 --seed 7 --only mime
 */
import { parseArgs } from 'node:util'
import { describeError } from '../src/errors.ts'
import type { Part } from './part.ts'

type Row = { readonly seconds: number; readonly load: () => Promise<Part> }

/** One folder or file each, loaded when it runs; a new part is one row here. `seconds`: when nobody says. */
const parts: Readonly<Record<string, Row>> = {
  crash: { seconds: 300, load: async () => (await import('./crash.ts')).crash },
  redis: { seconds: 240, load: async () => (await import('./redis.ts')).redis },
  fuzz: { seconds: 240, load: async () => (await import('./fuzz/main.ts')).fuzz },
  store: { seconds: 120, load: async () => (await import('./store.ts')).store },
  disk: { seconds: 120, load: async () => (await import('./disk.ts')).disk },
}

const { values, positionals: asked } = commandLine()
const unknown = asked.filter((name) => !Object.hasOwn(parts, name))
if (unknown.length > 0) {
  refuse(`There is no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}.`)
}
const seconds = values.seconds === undefined ? undefined : wholeNumber('--seconds', values.seconds)
const seed = values.seed === undefined ? Date.now() % 2 ** 31 : wholeNumber('--seed', values.seed)

for (const [name, row] of Object.entries(parts)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  const bounds = { seconds: seconds ?? row.seconds, seed }
  process.stdout.write(`\n${name}: at most ${bounds.seconds} s, --seed ${seed}\n`)
  try {
    const part = await row.load()
    const { only } = values
    if ((await part({ ...bounds, ...(only !== undefined && { only }) })) > 0) process.exitCode = 1
  } catch (error) {
    process.stderr.write(`${name}: ${describeError(error)}\n`)
    process.exitCode = 1
  }
}

function commandLine() {
  const text = { type: 'string' } as const
  try {
    return parseArgs({ allowPositionals: true, options: { seconds: text, seed: text, only: text } })
  } catch (error) {
    return refuse(describeError(error))
  }
}

function wholeNumber(option: string, text: string): number {
  return /^\d{1,9}$/.test(text) ? Number(text) : refuse(`${option} takes a whole number.`)
}

function refuse(text: string): never {
  process.stderr.write(`${text}\n`)
  process.exit(2)
}
