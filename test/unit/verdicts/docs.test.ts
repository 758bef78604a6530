/** The page on verdicts names every reason there is. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'

const root = join(import.meta.dirname, '../../..')

test('every reason in the code is on the page', () => {
  const page = readFileSync(join(root, 'docs/verdicts.md'), 'utf8')
  const reasons = globSync('src/verdicts/**/*.ts', { cwd: root, exclude: ['**/clamd.ts'] }).flatMap(
    (file) =>
      [...readFileSync(join(root, file), 'utf8').matchAll(/\breason: '([a-z-]+)'(?! \|)/g)].map(
        ([, reason = '']) => reason,
      ),
  )
  expect(reasons.length).toBeGreaterThan(15)
  for (const reason of new Set(reasons)) expect(page).toContain(`\`${reason}\``)
})
