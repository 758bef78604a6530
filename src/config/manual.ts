/** The tables of docs/config.md, made from the option table. Pure. */
import { configJsonSchema, type Schema, shapesOf } from './json-schema.ts'

type Row = {
  readonly key: string
  readonly type: string
  readonly preset: string
  readonly range: string
  readonly meaning: string
}

/** One table for the options that stand alone, then one for each section. */
export function configTables(): string {
  const sections = Object.entries(configJsonSchema().properties ?? {})
  const alone = sections.filter(([, schema]) => !hasParts(schema))
  const grouped = sections.filter(([, schema]) => hasParts(schema))
  const tables = [
    [
      '## This server',
      '',
      ...table(alone.flatMap(([name, schema]) => rowsOf(schema, name, false))),
    ],
    ...grouped.map(([name, schema]) => {
      const about = schema.properties ? [schema.description ?? '', ''] : []
      return [`## \`${name}\``, '', ...about, ...table(rowsOf(schema, name, false))]
    }),
  ]
  return tables.map((lines) => lines.join('\n')).join('\n\n')
}

/** Every option below `schema`; one that several shapes have in common comes once. */
function rowsOf(schema: Schema, key: string, required: boolean): readonly Row[] {
  const shapes = shapesOf(schema)
  const isSection = schema.properties !== undefined && schema['x-default'] === undefined
  const own = isSection ? [] : [rowOf(schema, key, required)]
  const rows = [...own, ...shapes.flatMap((each) => partsOf(each, key))]
  return rows.filter(({ key: name }, index) => rows.findIndex((row) => row.key === name) === index)
}

function partsOf(schema: Schema, key: string): readonly Row[] {
  const named = Object.entries(schema.properties ?? {}).flatMap(([name, part]) => {
    if (name === 'type') return []
    return rowsOf(part, `${key}.${name}`, schema.required?.includes(name) ?? false)
  })
  const any = schema.additionalProperties
  const each =
    any && hasParts(any) ? shapesOf(any).flatMap((one) => partsOf(one, `${key}.NAME`)) : []
  const items = schema.items?.properties ? partsOf(schema.items, `${key}[]`) : []
  // The kind of a store or key is told with what it goes with: options of another kind are refused.
  const kind = schema.properties?.['type']?.const
  const rows = [...named, ...each, ...items]
  if (typeof kind !== 'string') return rows
  return rows.map((row) => ({ ...row, meaning: `\`type: ${kind}\`: ${row.meaning}` }))
}

function rowOf(schema: Schema, key: string, required: boolean): Row {
  const { minimum, maximum } = schema
  const ranged = minimum !== undefined && maximum !== undefined
  // A record says it of its entries, whose options follow.
  const types = shapesOf(schema.additionalProperties || schema).flatMap((each) => {
    const kind = each.properties?.['type']?.const
    return kind === undefined ? [] : [code(kind)]
  })
  const meaning = schema.description ?? ''
  return {
    key,
    type: typeOf(schema),
    preset: presetOf(schema, required),
    range: ranged ? `${minimum} to ${maximum}` : (schema.enum ?? []).map(code).join(', '),
    meaning: types.length > 0 ? `${meaning} \`type\` is ${types.join(' or ')}.` : meaning,
  }
}

function presetOf(schema: Schema, required: boolean): string {
  if (schema['x-default'] !== undefined) return schema['x-default']
  if (required) return 'required'
  return schema.default === undefined ? 'none' : code(schema.default)
}

function typeOf(schema: Schema): string {
  const shapes = shapesOf(schema)
  if (shapes.length > 1) return [...new Set(shapes.map(typeOf))].join(' or ')
  if (schema.items) return schema.items.title ? `list of ${schema.items.title}` : 'list'
  if (schema.const !== undefined) return code(schema.const)
  if (schema.enum) return 'word'
  return schema.title ?? (schema.type === 'string' ? 'text' : (schema.type ?? 'value'))
}

/** Whether options stand below this one. */
function hasParts(schema: Schema): boolean {
  const shapes = shapesOf(schema)
  return shapes.some((each) => {
    return (
      each.properties !== undefined ||
      (each.additionalProperties && hasParts(each.additionalProperties))
    )
  })
}

const code = (value: unknown): string =>
  `\`${typeof value === 'string' ? value : JSON.stringify(value)}\``

function table(rows: readonly Row[]): readonly string[] {
  const lines = rows.map(({ key, type, preset, range, meaning }) => {
    const cells = [`\`${key}\``, type, preset, range, meaning]
    return `| ${cells.map((each) => each.replaceAll('|', '\\|')).join(' | ')} |`
  })
  return [
    '| option | type | default | range | meaning |',
    '| --- | --- | --- | --- | --- |',
    ...lines,
  ]
}
