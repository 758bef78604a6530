/** The example of docs/explain.md holds. */
import { mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, onTestFinished, test } from 'vitest'
import { checkExpectations } from '../../../src/cli/check-expectations.ts'
import { loadConfig } from '../../../src/config/load.ts'

test('the tests of the page hold for the rules of the page', async () => {
  const page = readFileSync(join(import.meta.dirname, '../../../docs/explain.md'), 'utf8')
  const [tests = '', rules = ''] = [...page.matchAll(/^```yaml\n(.*?)^```$/gms)].map(
    ([, text]) => text ?? '',
  )
  const dir = mkdtempSync(join(tmpdir(), 'postern-explain-docs-'))
  onTestFinished(() => rmSync(dir, { recursive: true }))
  mkdirSync(join(dir, 'mails'))
  writeFileSync(join(dir, 'mails/hello.eml'), 'Subject: hello\r\n\r\nbody\r\n')
  writeFileSync(join(dir, 'default.yaml'), rules)
  writeFileSync(join(dir, 'default.test.yaml'), tests)
  const config = loadConfig({ env: {}, cwd: dir })
  expect(await checkExpectations(dir, config)).toEqual({ count: 3, held: 3, problems: [] })
})
