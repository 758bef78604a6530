/** The page on the library names what there is: every reason of an error, every exported function. */
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import * as client from '../../../src/client/index.ts'

const root = join(import.meta.dirname, '../../..')
const page = readFileSync(join(root, 'docs/sdk.md'), 'utf8')

test('the table of errors and the reasons in the code are the same', () => {
  const source = readFileSync(join(root, 'src/client/errors.ts'), 'utf8')
  const reasons = [...source.matchAll(/^ {2}\| '([a-z-]+)'/gm)].map(([, reason]) => reason)
  const table = page.slice(page.indexOf('## When it throws'))
  const rows = [...table.matchAll(/^\| `([a-z-]+)` \|/gm)].map(([, reason]) => reason)
  expect(reasons.length).toBeGreaterThan(5)
  expect(rows.sort()).toEqual(reasons.sort())
})

test('every function is on the page', () => {
  for (const name of Object.keys(client)) expect(page).toContain(name)
})

test('the page on mail of Amazon SES names every reason that only that mail has', () => {
  const source = readFileSync(join(root, 'src/client/ses-verdicts.ts'), 'utf8')
  const reasons = [...source.matchAll(/doubt\('([a-z-]+)'\)|'(ses-[a-z]+|scan-[a-z-]+)'/g)]
  const verdicts = readFileSync(join(root, 'docs/from-ses.md'), 'utf8')
  expect(reasons.length).toBeGreaterThan(5)
  for (const [, doubt, other] of reasons) expect(verdicts).toContain(`\`${doubt ?? other}\``)
})
