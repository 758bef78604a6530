/** The examples of docs/rules.md load without a word, and the messages it quotes are those of the code. */
import { globSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { parseRuleSet } from '../../../src/rules/load.ts'

const root = join(import.meta.dirname, '../../..')
const page = readFileSync(join(root, 'docs/rules.md'), 'utf8')

const examples = [...page.matchAll(/```yaml\n([\s\S]*?)```/g)]
  .map(([, text = '']) => text)
  .filter((text) => /^(Rules|Actions):/m.test(text))

test('there are examples', () => {
  expect(examples.length).toBeGreaterThan(3)
})

test.for(examples)('loads without a problem or a warning: %s', (text) => {
  const { problems, warnings } = parseRuleSet(text, 'example.yaml', { domains: ['example.com'] })
  expect([...problems, ...warnings]).toEqual([])
})

/** What the code says: its texts, and what the mistakes in test/fixtures are told. */
const sources = globSync(
  ['src/{rules,roles,filters}/*.ts', 'test/fixtures/rules/*/expected-error'],
  {
    cwd: root,
  },
)
  .map((file) => readFileSync(join(root, file), 'utf8').replaceAll('\\"', '"'))
  .join('\n')

/** The reasons quoted in the tables of "What check says", cut into the pieces that are no placeholder. */
const section = page.slice(page.indexOf('## What check says'), page.indexOf('## Limits'))
const pieces = section
  .split('\n')
  .filter((line) => line.startsWith('| `'))
  .flatMap((line) => [...(line.split(' | ')[0] ?? '').matchAll(/`([^`]+)`/g)])
  .flatMap(([, text = '']) =>
    text.split(
      /…|"[^"]*"|\b(?:SPAM)\b|\b\d{5,}\b|\brule [ab]\b|spam\.rspamd|rules(?=;)|; did you mean HOLD|\b1000\b|: a before/,
    ),
  )
  .map((piece) => piece.replace(/^[^a-zA-Z]+|[^a-zA-Z]+$/g, ''))
  .filter((piece) => piece.length > 12)

test.for([...new Set(pieces)])('the code says: %s', (piece) => {
  expect(sources).toContain(piece)
})

test('every link to a heading of the page leads somewhere', () => {
  const headings = [...page.matchAll(/^#+ (.+)$/gm)].map(([, title = '']) =>
    title
      .toLowerCase()
      .replace(/[^a-z0-9 -]/g, '')
      .replaceAll(' ', '-'),
  )
  const links = [...page.matchAll(/\]\(#([^)]+)\)/g)].map(([, link]) => link)
  expect(links.filter((link) => !headings.includes(link ?? ''))).toEqual([])
})
