/** How much `postern/client` adds to a page (docs/sdk.md). */
import { rm } from 'node:fs/promises'
import { bundle, programs } from '../test/support/bundle.ts'
import { newConsumer } from '../test/support/consumer.ts'
import { printFigures } from './measure.ts'

export async function benchBundle(): Promise<void> {
  const consumer = await newConsumer()
  const rows: string[][] = []
  for (const [name, program] of Object.entries(programs)) {
    const { size, gzip } = await bundle(consumer, program)
    rows.push([name, kilobytes(size), kilobytes(gzip)])
  }
  await rm(consumer, { recursive: true })
  printFigures('A bundle for browsers, kB', ['of', 'minified', 'gzip'], rows)
}

function kilobytes(octets: number): string {
  return (octets / 1000).toFixed(1)
}
