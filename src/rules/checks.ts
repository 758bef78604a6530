/**
 * What a rule set must keep beyond the shape of each field. Looks at raw data and skips what has the
 * wrong shape, so that these problems are reported together with the schema's. Pure.
 */
import { needsAws } from './action-kinds.ts'
import type { RuleLimits } from './limits.ts'
import type { Problem } from './source.ts'

type Raw = Readonly<Record<string, unknown>>

/** Every problem that concerns more than one field. */
export function crossProblems(data: unknown, limits: RuleLimits): Problem[] {
  const rules = listOf(data, 'Rules')
  return [
    ...tooMany(rules, limits.maxRules, 'rules', ['Rules']),
    ...repeatedNames(rules),
    ...rules.flatMap((rule, index) => ruleProblems(rule, index, limits)),
  ]
}

function ruleProblems(rule: unknown, index: number, limits: RuleLimits): Problem[] {
  const actions = listOf(rule, 'Actions')
  const recipients = listOf(rule, 'Recipients')
  const path = ['Rules', index]
  return [
    ...tooMany(actions, limits.maxActionsPerRule, 'actions', [...path, 'Actions']),
    ...tooMany(recipients, limits.maxRecipientsPerRule, 'recipients', [...path, 'Recipients']),
    // SES: "Stop action, if any, must be placed at the end of the actions list".
    ...actions.slice(0, -1).flatMap((action, place): Problem[] => {
      const kind = ending.find((each) => isObject(action) && Object.hasOwn(action, each))
      if (kind === undefined) return []
      const reason = 'must be the last action of its rule'
      return [{ path: [...path, 'Actions', place, kind], reason, at: 'key' }]
    }),
    ...foreignActions(rule, actions, path),
  ]
}

/** Nothing behind them is carried out. */
const ending = ['StopAction', 'DropAction', 'QuarantineAction']

/** Accepting what can't be carried out would lose mail; in a disabled rule it harms nobody. */
function foreignActions(
  rule: unknown,
  actions: readonly unknown[],
  path: Problem['path'],
): Problem[] {
  if (!isObject(rule) || rule['Enabled'] !== true) return []
  return actions.flatMap((action, place) =>
    [...needsAws]
      .filter((kind) => isObject(action) && Object.hasOwn(action, kind))
      .map((kind): Problem => {
        const reason =
          'needs AWS: Postern can not carry it out; remove the action, or disable the rule'
        return { path: [...path, 'Actions', place, kind], reason, at: 'key' }
      }),
  )
}

/** SES: a rule's name is unique in its set; recipients of a message's plan are told apart by it. */
function repeatedNames(rules: readonly unknown[]): Problem[] {
  const first = new Map<string, number>()
  return rules.flatMap((rule, index): Problem[] => {
    const name = isObject(rule) ? rule['Name'] : undefined
    if (typeof name !== 'string') return []
    const earlier = first.get(name)
    if (earlier === undefined) first.set(name, index)
    if (earlier === undefined) return []
    const reason = `is already the name of Rules[${earlier}]; names must be unique`
    return [{ path: ['Rules', index, 'Name'], reason }]
  })
}

function tooMany(
  list: readonly unknown[],
  limit: number,
  noun: string,
  path: Problem['path'],
): Problem[] {
  if (list.length <= limit) return []
  return [{ path, reason: `has ${list.length} ${noun}; the limit is ${limit}` }]
}

function listOf(value: unknown, key: string): readonly unknown[] {
  const list = isObject(value) && Object.hasOwn(value, key) ? value[key] : undefined
  return Array.isArray(list) ? list : []
}

function isObject(value: unknown): value is Raw {
  return typeof value === 'object' && value !== null
}
