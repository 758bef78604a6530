/** A browser's bundler meets no Node module on its way from the entry of the library. */
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { expect, test } from 'vitest'

const entry = join(import.meta.dirname, '../../../src/client/index.ts')

/** Every specifier that is imported when the entry is, leaving out types and `import()`. */
function staticImports(file: string, seen = new Set<string>()): string[] {
  if (seen.has(file)) return []
  seen.add(file)
  const text = readFileSync(file, 'utf8')
  const statements = text.matchAll(/^(?:import|export)(?! type)[^;]*?\bfrom '([^']+)'/gm)
  return [...statements].flatMap(([, specifier = '']) =>
    specifier.startsWith('.')
      ? staticImports(join(dirname(file), specifier), seen)
      : [`${specifier}`],
  )
}

test('only what runs in a browser is imported', () => {
  const imported = [...new Set(staticImports(entry))].sort()
  expect(imported).toEqual(['@aws-sdk/client-s3', 'tweetnacl'])
})
