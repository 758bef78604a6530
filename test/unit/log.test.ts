/** Nothing that a stranger wrote can end a line of the log, move a cursor or turn the reading direction. */
import { afterEach, expect, test, vi } from 'vitest'
import { configureLog, type LogSettings, log } from '../../src/log.ts'

const written: string[] = []
vi.spyOn(process.stderr, 'write').mockImplementation((text) => {
  written.push(String(text))
  return true
})
afterEach(async () => {
  written.length = 0
  await configureLog({ level: 'info', format: 'json' })
})

const hostile = [
  ['a\nb', 'a line feed begins a record that nobody wrote'],
  ['a\r\nb', 'so does this'],
  ['\x1b[2J\x1b]0;title\x07', 'terminals obey escape sequences'],
  ['\x9b31m', 'some take U+009B for the beginning of one'],
  ['\x7f\b\b', 'rubs out what stands before'],
  ['abc\u202egnp.exe\u2066x', 'reads as another text'],
  ['\u2028\u2029\x85', 'some programs begin a line at these'],
] as const
const controls = /[\x00-\x09\x0b-\x1f\x7f-\x9f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/

async function records(format: LogSettings['format'], text: string): Promise<string> {
  await configureLog({ level: 'info', format })
  log.warn({ text, list: [text], deep: { text }, [text]: 1 }, `message ${text}`)
  return written.join('')
}

test.for(hostile)('%j is one JSON record that holds it: %s', async ([text]) => {
  const line = await records('json', text)
  expect(line).not.toMatch(controls)
  expect(line.endsWith('\n')).toBe(true)
  expect(line.trimEnd()).not.toContain('\n')
  expect(JSON.parse(line)).toMatchObject({
    text,
    deep: { text },
    msg: `message ${text}`,
    [text]: 1,
  })
})

test.for(hostile)('%j is one readable line: %s', async ([text]) => {
  const line = await records('pretty', text)
  expect(line).not.toMatch(controls)
  expect(line.trimEnd()).not.toContain('\n')
  expect(line).toContain('message')
})

test('an error keeps the lines of its stack, and its message gets none', async () => {
  await configureLog({ level: 'info', format: 'pretty' })
  log.error({ err: new Error('first\nERROR: forged\x1b[1m') }, 'failed')
  const text = written.join('')
  expect(text).not.toMatch(controls)
  expect(text).not.toMatch(/^ERROR: forged/m)
  expect(text).toMatch(/^ +at .*log\.test\.ts/m)
})
