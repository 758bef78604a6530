/** A bundler for browsers makes one file of the library, without a word of complaint, as small as docs/sdk.md says. */
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { pathToFileURL } from 'node:url'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { type Bundle, bundle, programs } from '../../support/bundle.ts'
import { newConsumer, root } from '../../support/consumer.ts'

const page = readFileSync(join(root, 'docs/sdk.md'), 'utf8')

let consumer: string

beforeAll(async () => {
  consumer = await newConsumer()
})

afterAll(() => rm(consumer, { recursive: true }))

for (const [name, program] of Object.entries(programs)) {
  describe(`a bundle with ${name}`, () => {
    let made: Bundle

    beforeAll(async () => {
      made = await bundle(consumer, program)
    })

    test('asks for no module, and the bundler had nothing to say', () => {
      expect(made.missing).toEqual([])
      expect(made.warnings).toEqual([])
    })

    test('has the size that docs/sdk.md says, to a tenth', () => {
      const row = new RegExp(`^\\| \`${name}\`.*\\| (\\d+) kB \\| (\\d+) kB \\|$`, 'm').exec(page)
      const [, size, gzip] = row ?? []
      expect(Math.abs(made.size / 1000 / Number(size) - 1)).toBeLessThan(0.1)
      expect(Math.abs(made.gzip / 1000 / Number(gzip) - 1)).toBeLessThan(0.1)
    })
  })
}

describe('where there are no files', () => {
  const program = `export { dirStore, readKey } from 'postern/client'`

  test('the whole library is bundled all the same', async () => {
    const { missing, warnings } = await bundle(consumer, `export * from 'postern/client'`)
    expect(missing).toEqual([])
    expect(warnings).toEqual([])
  })

  test('a directory store and a key file say what to use instead', async () => {
    const file = join(consumer, 'page.js')
    await writeFile(file, (await bundle(consumer, program)).code)
    const { dirStore, readKey } = await import(pathToFileURL(file).href)
    await expect(dirStore('inbox').get('key')).rejects.toThrow(/no directories here.*s3Store\(\)/)
    const { getBuiltinModule } = process
    try {
      // As a bundler's stand-in for `process` has it.
      Reflect.deleteProperty(process, 'getBuiltinModule')
      await expect(readKey('main.key')).rejects.toThrow(/no files here.*naclKey\(\)/)
    } finally {
      process.getBuiltinModule = getBuiltinModule
    }
  })
})
