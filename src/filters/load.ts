/**
 * Reads the IP filters of a rules directory: `filters.yaml`, `.yml` or `.json`, all or nothing; no
 * file means no filters. Everything that is wrong is reported at once, each as `file:line:column:
 * path: reason`. Never throws.
 */
import { defaultRuleLimits } from '../rules/limits.ts'
import { readRuleFile } from '../rules/rule-file.ts'
import { linesFor, readSource } from '../rules/source.ts'
import type { IpFilter } from './ip-filter.ts'
import { checkFilters } from './problems.ts'

export type FiltersReading = {
  /** Empty when there is a problem. */
  readonly filters: readonly IpFilter[]
  readonly problems: readonly string[]
}

export function readFilters(dir: string): FiltersReading {
  const found = readRuleFile(dir, 'filters', defaultRuleLimits.maxFileBytes)
  if (found === undefined) return { filters: [], problems: [] }
  if ('problem' in found) return { filters: [], problems: [found.problem] }
  return parseFilters(found.text, found.file)
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
