/** `npm run bench`: measures and prints tables; words on the command line select parts. */
import { describeError } from '../src/errors.ts'

/** One file each; a new part is one row here. */
const parts: Readonly<Record<string, () => Promise<() => Promise<void>>>> = {
  peers: async () => {
    const { benchPeers } = await import('./peers.ts')
    return () => benchPeers(options)
  },
  bundle: async () => (await import('./bundle.ts')).benchBundle,
  node: async () => (await import('./node.ts')).benchNode,
  sealing: async () => (await import('./sealing.ts')).benchSealing,
  rules: async () => (await import('./rules.ts')).benchRules,
  memory: async () => (await import('./memory.ts')).benchMemory,
  verdicts: async () => (await import('./verdicts.ts')).benchVerdicts,
}

const words = process.argv.slice(2)
/** What follows `--` something is for the peers alone. */
const firstOption = words.findIndex((word) => word.startsWith('--'))
const [asked, options] =
  firstOption < 0 ? [words, []] : [words.slice(0, firstOption), words.slice(firstOption)]
const unknown = asked.filter((name) => !Object.hasOwn(parts, name))
if (unknown.length > 0) {
  process.stderr.write(
    `There is no part ${unknown.join(', ')}; there are ${Object.keys(parts).join(', ')}.\n`,
  )
  process.exit(2)
}
for (const [name, load] of Object.entries(parts)) {
  if (!(asked.length > 0 ? asked : ['peers']).includes(name)) continue
  try {
    const measure = await load()
    await measure()
  } catch (error) {
    process.stderr.write(`${name}: ${describeError(error)}\n`)
    process.exitCode = 1
  }
}
