/** The option table as a JSON schema: for editors, and for whatever walks the options. Pure. */
import { z } from 'zod'
import { options } from './options.ts'
import type { Key } from './problem.ts'

/** The words of JSON Schema that the option table comes out in; `x-default` tells a default that is computed. */
export type Schema = {
  readonly type?: string
  readonly title?: string
  readonly description?: string
  readonly default?: unknown
  readonly 'x-default'?: string
  readonly const?: unknown
  readonly enum?: readonly unknown[]
  readonly minimum?: number
  readonly maximum?: number
  readonly properties?: Readonly<Record<string, Schema>>
  readonly required?: readonly string[]
  readonly additionalProperties?: Schema | false
  readonly items?: Schema
  readonly anyOf?: readonly Schema[]
  readonly oneOf?: readonly Schema[]
}

/** What postern.yaml may hold. */
export function configJsonSchema(): Schema {
  return z.toJSONSchema(options, { io: 'input' }) as Schema
}

/** The shapes a value can have: itself, or each of its alternatives. */
export function shapesOf(schema: Schema): readonly Schema[] {
  return schema.anyOf ?? schema.oneOf ?? [schema]
}

/** The names of the options that may stand at `path`. */
export function namesAt(path: readonly Key[]): readonly string[] {
  let shapes: readonly Schema[] = [configJsonSchema()]
  for (const key of path) {
    shapes = shapes.flatMap((each) => {
      const next =
        typeof key === 'number' ? each.items : each.properties?.[key] || each.additionalProperties
      return next ? shapesOf(next) : []
    })
  }
  return [...new Set(shapes.flatMap((each) => Object.keys(each.properties ?? {})))]
}

/** Where in the table options called `name` are: somebody may have written one in the wrong section. */
export function sectionsWith(name: string): readonly string[] {
  return Object.entries(configJsonSchema().properties ?? {})
    .filter(([, section]) =>
      shapesOf(section).some((each) => each.properties && Object.hasOwn(each.properties, name)),
    )
    .map(([section]) => `${section}.${name}`)
}
