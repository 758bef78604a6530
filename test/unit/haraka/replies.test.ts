/** Every reply is in docs/smtp.md and nowhere else, and none of Haraka's own leaves as Haraka words it. */
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'
import { dirname, join } from 'node:path'
import { describe, expect, test } from 'vitest'
import {
  blockedByFilter,
  blockedByList,
  everyReply,
  replies,
  rewritten,
} from '../../../src/haraka/replies.ts'

const page = readFileSync(join(import.meta.dirname, '../../../docs/smtp.md'), 'utf8')

/** `| 250 | text | …` of the page's tables. */
const onPage = [...page.matchAll(/^\| (\d{3}|&lt;SmtpReplyCode&gt;) \| (.*?) \|/gm)].map(
  ([, code, text]) => `${code} ${text}`.replaceAll('&lt;', '<').replaceAll('&gt;', '>'),
)

test('docs/smtp.md lists every reply, each once, and none that can’t be sent', () => {
  expect(onPage.toSorted()).toEqual([...everyReply].sort())
})

test('every reply has an enhanced code of its own class, but 354, 250 OK <id> and those of rules (RFC 2034 §4)', () => {
  const without = everyReply.filter((each) => !/^([245])\d\d \1\.\d{1,3}\.\d{1,3} [A-Z]/.test(each))
  expect(without.toSorted()).toEqual([
    '250 OK <id>',
    '354 Send the message, ended by CR LF . CR LF',
    '<SmtpReplyCode> <StatusCode> <Message>',
  ])
})

test('replies are visible ASCII in one line of at most 512 octets (RFC 5321 §4.2, §4.5.3.1.5)', () => {
  for (const each of everyReply) expect(each).toMatch(/^[ -~]{1,510}$/)
})

const hostile = [
  ['a\r\n250 2.0.0 OK', 'a line break would be a second reply'],
  ['\x1b[31m\0', 'control characters'],
  ['caf\xe9 \u202e \ud83d\ude00', 'beyond ASCII'],
  ['x'.repeat(10_000), 'too long'],
] as const

test.for(hostile)('%j in a name or a reason leaves as one reply line: %s', ([text]) => {
  for (const { reply, disposition } of [
    blockedByFilter(text),
    blockedByList(text, text),
    blockedByList('zone.example', text),
  ]) {
    expect(`${reply.code} ${reply.text}`).toMatch(/^550 5\.7\.1 [ -~]{1,500}$/)
    expect(disposition).toBe('reject')
  }
})

test('a refusal defers by 4xx and rejects by 5xx', () => {
  for (const { disposition, reply } of Object.values(replies)) {
    const expected = { 2: 'accept', 4: 'defer', 5: 'reject' }[Math.floor(reply.code / 100)]
    expect([reply.text, disposition]).toEqual([reply.text, expected])
  }
})

/** `respond(550, msg || 'text'` in the files of Haraka that run in a session. */
function repliesOfHaraka(): [code: number, text: string][] {
  const home = dirname(createRequire(import.meta.url).resolve('haraka/package.json'))
  const sources = ['connection.js', 'plugins/tls.js', 'plugins.js'].map((name) =>
    readFileSync(join(home, name), 'utf8'),
  )
  const found = sources
    .join('\n')
    .matchAll(/respond\(\s*'?(\d{3})'?,\s*(?:\w+ \|\| )?(?:\[)?(['"`])((?:(?!\2).)*)\2/g)
  return [...found].map(([, code, , text]) => [Number(code), text ?? ''])
}

describe('what Haraka says', () => {
  const all = repliesOfHaraka()

  test('is found in its sources', () => {
    expect(all.length).toBeGreaterThan(50)
    expect(all).toContainEqual([550, 'Message denied'])
    expect(all).toContainEqual([501, 'Command parsing failed'])
  })

  // 334 is AUTH's; the 250 of HELO and of INTERNALCMD are looked at below and not reachable.
  const reachable = all.filter(([code, text]) => code !== 334 && !/Hello|Command sent/.test(text))
  test.for(reachable.map(([code, text]) => [`${code} ${text}`, code, text] as const))(
    '%s leaves as one of ours',
    ([, code, text]) => {
      // Recipients always get a reply of ours (plugins/recipient.ts), as do accepted messages.
      if (/dmsg\} OK|User OK/.test(text) && !text.startsWith('sender')) return
      const { code: newCode, text: newText } = rewritten(code, text)
      expect(everyReply).toContain(`${newCode} ${String(newText)}`)
    },
  )
})

const rewrites = [
  [
    250,
    'mx.example.test Hello Unknown [192.0.2.1], pleased to meet you',
    250,
    'mx.example.test',
    'HELO',
  ],
  [
    250,
    ['mx.example.test Hello x [192.0.2.1], y', 'PIPELINING'],
    250,
    ['mx.example.test', 'PIPELINING'],
    'EHLO',
  ],
  [250, 'sender <a@example.test> OK', 250, '2.1.0 Sender OK', 'nothing is echoed (P25)'],
  [450, 'plugin timeout', 451, '4.3.0 Temporary failure, try again later', 'P13'],
  [
    501,
    ['Command parsing failed', new Error('x')],
    501,
    '5.5.4 Syntax error in the command or its parameters',
    'of several lines the first counts',
  ],
  [501, 'Invalid RCPT TO address \x1b[31m: x', 501, '5.1.3 Bad recipient address', 'P25'],
  [
    220,
    'mx.example.test ESMTP Postern',
    220,
    'mx.example.test ESMTP Postern',
    'the greeting stays',
  ],
] as const

test.for(rewrites)('%i %j leaves as %i %j: %s', ([code, text, newCode, newText]) => {
  expect(rewritten(code, text)).toEqual({ code: newCode, text: newText })
})
