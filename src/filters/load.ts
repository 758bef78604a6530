/**
 * Reads the IP filters of a rules directory: `filters.yaml`, `.yml` or `.json`, all or nothing; no
 * file means no filters. Everything that is wrong is reported at once, each as `file:line:column:
 * path: reason`. Never throws.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describeError } from '../errors.ts'
import { defaultRuleLimits } from '../rules/limits.ts'
import { linesFor, readSource } from '../rules/source.ts'
import type { IpFilter } from './ip-filter.ts'
import { checkFilters } from './problems.ts'

export type FiltersReading = {
  /** Empty when there is a problem. */
  readonly filters: readonly IpFilter[]
  readonly problems: readonly string[]
}

export function readFilters(dir: string): FiltersReading {
  const [file, other] = ['yaml', 'yml', 'json']
    .map((ext) => join(dir, `filters.${ext}`))
    .filter((each) => existsSync(each))
  if (file === undefined) return { filters: [], problems: [] }
  if (other !== undefined) return refused(`There are both ${file} and ${other}: keep one of them.`)
  try {
    const { size } = statSync(file)
    const { maxFileBytes } = defaultRuleLimits
    if (size > maxFileBytes) {
      return refused(`${file} has ${size} octets; the limit is ${maxFileBytes}.`)
    }
    return parseFilters(readFileSync(file, 'utf8'), file)
  } catch (error) {
    return refused(`${file} cannot be read: ${describeError(error)}.`)
  }
}

/** Parses the text of a filters file; `file` is its name in messages, and tells JSON from YAML. */
export function parseFilters(text: string, file: string): FiltersReading {
  const format = file.endsWith('.json') ? 'json' : 'yaml'
  const source = readSource(text, format, defaultRuleLimits.maxAliases)
  const checked = source.legible ? checkFilters(source.data) : { problems: [] }
  const problems = [...source.problems, ...checked.problems]
  if (problems.length > 0) return { filters: [], problems: linesFor(file, source, problems) }
  return { filters: checked.filters ?? [], problems: [] }
}

function refused(problem: string): FiltersReading {
  return { filters: [], problems: [problem] }
}
