/** Keeps what a run found: bench/results/latest.json, .txt and .svg. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release } from 'node:os'
import { join } from 'node:path'
import { chartOf } from './chart.ts'
import { type Results, textOf } from './report.ts'

const directory = join(import.meta.dirname, 'results')

export function keep(results: Results): void {
  mkdirSync(directory, { recursive: true })
  const files = {
    'latest.json': `${JSON.stringify(results, null, 2)}\n`,
    'latest.md': `# The last run of \`npm run bench\`\n\n![the same as bars](latest.svg)\n\n\`\`\`text\n${textOf(results)}\`\`\`\n`,
    'latest.svg': chartOf(results),
  }
  for (const [name, text] of Object.entries(files)) writeFileSync(join(directory, name), text)
}

/** Of what is measured. */
export function version(): string {
  try {
    const args = ['describe', '--always', '--dirty', '--abbrev=8']
    return execFileSync('git', args, { cwd: import.meta.dirname, encoding: 'utf8' }).trim()
  } catch {
    return 'unknown'
  }
}

export function machine(): string {
  const all = cpus()
  const load = loadavg()[0]?.toFixed(1)
  return `${all.length} x ${all[0]?.model}, Linux ${release()}, Node ${process.version}, load ${load}`
}
