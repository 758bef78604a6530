/**
 * `postern rules import`: rule sets and IP filters as `aws ses` prints them become files in rules.dir, and
 * what they name is listed as a block for postern.yaml. Everything is checked before
 * anything is written, and nothing is overwritten unasked.
 */
import { existsSync, mkdirSync, renameSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { Command } from 'commander'
import { describeError, UserError } from '../errors.ts'
import { parseFilters } from '../filters/load.ts'
import { parseRuleSet } from '../rules/load.ts'
import type { RuleSet } from '../rules/rule-set.ts'
import { namePattern } from '../rules/schema.ts'
import { configOf, printable, printLine } from './context.ts'
import { readInput } from './rules-diff.ts'
import { resourcesBlock } from './rules-resources.ts'

type Options = { dir?: string; name?: string; force?: boolean }

/** One file to be written. */
type Import = {
  readonly name: string
  readonly text: string
  /** `12 rules`, for people. */
  readonly what: string
  readonly warnings: readonly string[]
  /** Absent for filters. */
  readonly ruleSet?: RuleSet
}

export function rulesImportCommand(): Command {
  return new Command('import')
    .description(
      'Bring over what aws ses describe-receipt-rule-set, describe-active-receipt-rule-set and list-receipt-filters print.',
    )
    .argument('<file...>', 'JSON files, or - for standard input')
    .option('--dir <dir>', 'where to write them (default: rules.dir)')
    .option('--name <name>', 'name of the rule set here (default: its own)')
    .option('--force', 'overwrite a file that is there')
    .addHelpText(
      'after',
      '\nExample:\n  aws ses describe-active-receipt-rule-set >ses.json\n  postern rules import ses.json --name default',
    )
    .action((files: string[], options: Options, command: Command) => {
      const config = configOf(command)
      const imports = files.map((file) => importOf(file, options.name))
      const places = placesFor(imports, options.dir ?? config.rules.dir, options.force === true)
      for (const { warnings } of imports) {
        for (const each of warnings) process.stderr.write(`postern: warning: ${printable(each)}\n`)
      }
      for (const [place, { text, what }] of places) {
        write(place, text)
        printLine(`${place}: written, ${what}`)
      }
      const ruleSets = imports.flatMap(({ ruleSet }) => ruleSet ?? [])
      if (ruleSets.length === 0) return
      printLine('\n# What the rules name; for postern.yaml, with what these names are here:')
      for (const line of resourcesBlock(ruleSets, config).split('\n')) printLine(printable(line))
      const used = imports.some(({ name }) => name === config.rules.active)
      if (used) return
      const [first] = imports.filter(({ ruleSet }) => ruleSet !== undefined)
      printLine(`\n# To use it: rules: { active: ${first?.name} }`)
    })
}

/** Reads and checks one file. Throws `UserError` with everything that is wrong with it. */
function importOf(file: string, name: string | undefined): Import {
  const source = file === '-' ? 'stdin.json' : file.replace(/(\.json)?$/, '.json')
  const text = readInput(file)
  if (kindOf(text, file) === 'filters') {
    const { filters, problems } = parseFilters(text, source)
    if (problems.length > 0) throw new UserError(problems.map(printable).join('\n'))
    return { name: 'filters', text, what: `${filters.length} IP filters`, warnings: [] }
  }
  const { ruleSet, problems, warnings } = parseRuleSet(text, source)
  if (ruleSet === undefined) throw new UserError(problems.map(printable).join('\n'))
  const own = name ?? ruleSet.Metadata.Name
  if (!namePattern.test(own) || own === 'filters' || own.endsWith('.test')) {
    throw new UserError(`${printable(own)} is no name for a rule set here: give --name NAME.`)
  }
  const what = `${ruleSet.Rules.length} ${ruleSet.Rules.length === 1 ? 'rule' : 'rules'}`
  return { name: own, text, what, warnings, ruleSet }
}

/** What the reader below shall say of text that is no JSON is best. */
function kindOf(text: string, file: string): 'rules' | 'filters' {
  let data: unknown
  try {
    data = JSON.parse(text.replace(/^\uFEFF/, ''))
  } catch {
    return 'rules'
  }
  const has = (key: string): boolean =>
    typeof data === 'object' && data !== null && Object.hasOwn(data, key)
  if (has('Filters')) return 'filters'
  if (has('Rules') || has('Metadata')) return 'rules'
  throw new UserError(
    `${printable(file)} is none of what describe-receipt-rule-set, describe-active-receipt-rule-set and list-receipt-filters of aws ses print.`,
  )
}

/** Where each goes. Throws `UserError` when one is there already, or two are the same. */
function placesFor(
  imports: readonly Import[],
  dir: string,
  force: boolean,
): ReadonlyMap<string, Import> {
  const places = new Map<string, Import>()
  for (const each of imports) {
    const place = join(dir, `${each.name}.json`)
    if (places.has(place)) {
      throw new UserError(`Two of the files would become ${place}: import them one by one.`)
    }
    for (const ext of ['yaml', 'yml', 'json']) {
      const there = join(dir, `${each.name}.${ext}`)
      if (!existsSync(there) || (ext === 'json' && force)) continue
      const remedy = ext === 'json' ? '--force overwrites it' : 'remove it'
      const orName = each.ruleSet === undefined ? '' : ', or give --name NAME'
      throw new UserError(`${there} is there already: ${remedy}${orName}.`)
    }
    places.set(place, each)
  }
  return places
}

/** Whole or not at all: a running server looks at the directory. */
function write(place: string, text: string): void {
  try {
    mkdirSync(join(place, '..'), { recursive: true })
    writeFileSync(`${place}.new`, text.endsWith('\n') ? text : `${text}\n`)
    renameSync(`${place}.new`, place)
  } catch (error) {
    throw new UserError(`${place} cannot be written: ${describeError(error)}.`)
  }
}
