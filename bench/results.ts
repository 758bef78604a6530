/** Keeps what a run found: bench/results/latest.json, .md and .svg, and a copy of the first by its day and version. */
import { execFileSync } from 'node:child_process'
import { mkdirSync, statfsSync, writeFileSync } from 'node:fs'
import { cpus, loadavg, release, tmpdir } from 'node:os'
import { join } from 'node:path'
import { chartOf } from './chart.ts'
import type { Results } from './report.ts'
import { textOf } from './tables.ts'

const directory = join(import.meta.dirname, 'results')

export function keep(results: Results): void {
  mkdirSync(directory, { recursive: true })
  const json = `${JSON.stringify(results, null, 2)}\n`
  const files = {
    'latest.json': json,
    [`${results.when.slice(0, 10)}-${results.commit}.json`]: json,
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

/** TMPFS_MAGIC, statfs(2). */
const tmpfs = 0x01021994

export function machine(): string {
  const all = cpus()
  const load = loadavg()[0]?.toFixed(1)
  const disk =
    statfsSync(tmpdir()).type === tmpfs ? `; ${tmpdir()} is in memory: fsync costs nothing` : ''
  return `${all.length} x ${all[0]?.model}, Linux ${release()}, Node ${process.version}, load ${load}${disk}`
}
