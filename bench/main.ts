/** `npm run bench`: measures and prints tables; words on the command line select parts. */
import { describeError } from '../src/errors.ts'

/** One file each; a new part is one row here. */
const parts: Readonly<Record<string, () => Promise<() => Promise<void>>>> = {
  bundle: async () => (await import('./bundle.ts')).benchBundle,
  node: async () => (await import('./node.ts')).benchNode,
  sealing: async () => (await import('./sealing.ts')).benchSealing,
  rules: async () => (await import('./rules.ts')).benchRules,
  verdicts: async () => (await import('./verdicts.ts')).benchVerdicts,
}

const asked = process.argv.slice(2)
const unknown = asked.filter((name) => !Object.hasOwn(parts, name))
if (unknown.length > 0) {
  process.stderr.write(
    `There is no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}.\n`,
  )
  process.exit(2)
}
for (const [name, load] of Object.entries(parts)) {
  if (asked.length > 0 && !asked.includes(name)) continue
  try {
    const measure = await load()
    await measure()
  } catch (error) {
    process.stderr.write(`${name}: ${describeError(error)}\n`)
    process.exitCode = 1
  }
}
