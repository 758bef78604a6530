/** A program and what it needs of `postern/client` in one file for browsers, as a bundler makes it. */
import { writeFile } from 'node:fs/promises'
import { builtinModules } from 'node:module'
import { join } from 'node:path'
import { gzipSync } from 'node:zlib'
import { rolldown } from 'rolldown'

export type Bundle = {
  readonly code: string
  /** Octets, minified; and what of them goes over the network. */
  readonly size: number
  readonly gzip: number
  /** What the bundler complained of: each line of these is a user's question. */
  readonly warnings: readonly string[]
  /** Modules that the file still asks for. */
  readonly missing: readonly string[]
}

/** What a page needs that opens messages it fetched, and one that reads a bucket. */
export const programs = {
  openMessage: `export { naclKey, openMessage } from 'postern/client'`,
  s3Store: `export { naclKey, openMailbox, s3Store } from 'postern/client'\nexport { S3Client } from '@aws-sdk/client-s3'`,
}

/** `program` is the text of a module in the directory of a consumer (consumer.ts). */
export async function bundle(consumer: string, program: string): Promise<Bundle> {
  const input = join(consumer, `${crypto.randomUUID()}.ts`)
  await writeFile(input, program)
  const warnings: string[] = []
  const build = await rolldown({
    input,
    platform: 'browser',
    onLog: (_level, { message }) => void warnings.push(message),
  })
  const { output } = await build.generate({ format: 'esm', minify: true, codeSplitting: false })
  await build.close()
  const [{ code, imports }, ...others] = output
  const missing = [...imports, ...others.map(({ fileName }) => fileName), ...builtinsIn(code)]
  const bytes = Buffer.from(code)
  return { code, size: bytes.length, gzip: gzipSync(bytes).length, warnings, missing }
}

/** Node's modules that are asked for in so many words, however the bundler wrote it. */
function builtinsIn(code: string): string[] {
  const asked = code.matchAll(/\b(?:from|import|require)\s*\(?\s*["'`]([^"'`]+)["'`]/g)
  return [...asked]
    .map(([, name = '']) => name)
    .filter((name) => name.startsWith('node:') || builtinModules.includes(name))
}
