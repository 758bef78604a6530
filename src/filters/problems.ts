/** What is wrong with the data of rules/filters.*, in the operator's words. Pure. */
import type { z } from 'zod'
import type { Path } from '../rules/positions.ts'
import type { Problem } from '../rules/source.ts'
import { closest } from '../rules/suggest.ts'
import type { IpFilter } from './ip-filter.ts'
import { filtersSchema } from './schema.ts'

export type Checked =
  | { readonly filters: readonly IpFilter[]; readonly problems: readonly [] }
  | { readonly filters?: undefined; readonly problems: readonly Problem[] }

export function checkFilters(data: unknown): Checked {
  const { data: parsed, error } = filtersSchema.safeParse(data)
  const problems = [...(error?.issues ?? []).flatMap(problemsOf), ...repeatedNames(data)]
  return parsed === undefined || problems.length > 0
    ? { problems }
    : { filters: parsed.Filters, problems: [] }
}

function problemsOf(issue: z.core.$ZodIssue): Problem[] {
  const path = issue.path.map((step) => (typeof step === 'number' ? step : String(step)))
  if (issue.code !== 'unrecognized_keys') return [{ path, reason: issue.message }]
  const known = knownKeys(path)
  return issue.keys.map((key) => {
    const meant = closest(key, known)
    const hint = meant === undefined ? `known are ${known.join(', ')}` : `did you mean ${meant}?`
    return { path: [...path, key], reason: `is not a known key; ${hint}`, at: 'key' }
  })
}

function knownKeys(path: Path): string[] {
  if (path.length === 0) return Object.keys(filtersSchema.shape)
  const { shape } = filtersSchema.shape.Filters.element
  return Object.keys(path.length === 2 ? shape : shape.IpFilter.shape)
}

/** SES: AlreadyExists. Of data that may be anything, so that one mistake does not hide another. */
function repeatedNames(data: unknown): Problem[] {
  const filters: unknown = (data as { Filters?: unknown } | null | undefined)?.Filters
  if (!Array.isArray(filters)) return []
  const first = new Map<string, number>()
  return filters.flatMap((each: { Name?: unknown } | null, index) => {
    const name = each?.Name
    if (typeof name !== 'string') return []
    const known = first.get(name)
    if (known === undefined) first.set(name, index)
    const reason = `is already the name of Filters[${known}]; names must be unique`
    return known === undefined ? [] : [{ path: ['Filters', index, 'Name'], reason }]
  })
}
