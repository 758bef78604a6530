/**
 * Plays a dialogue file against a server. Lines, in order:
 *
 *   # …            the rule and the section of the RFC; also empty lines
 *   C: text        the client sends a line, ended by CR LF; `C*20:` sends it twenty times
 *   C~ "text"      the client sends these octets, written as a JSON string, and nothing else
 *   S: 250 text    the server replies so; `S: 250` any such reply, `*` any text, `S*20:` twenty times
 *   S: 250-text    a line of a reply that goes on with the next S: line
 *   TLS            the TLS handshake; CLOSED the server closes the connection
 *
 * `{x*99}` stands for 99 times x. Beside what the file says every reply is held to RFC 2034 §4.
 */
import { expect } from 'vitest'
import { type Reply, SmtpClient } from './smtp-client.ts'

/** Resolves with the ids of the messages that were accepted. */
export async function playDialog(
  text: string,
  to: { readonly host: string; readonly port: number },
): Promise<string[]> {
  const client = await SmtpClient.connect(to)
  const ids: string[] = []
  let expected: string[] = []
  for (const [index, line] of text.split('\n').entries()) {
    const [, kind = '', times = '1', said = ''] =
      /^(C|S|C~|TLS|CLOSED)(?:\*(\d+))?(?::? (.*)|:)?$/.exec(line) ?? []
    const what = said.replace(/\{(.+?)\*(\d+)\}/g, (_all, each: string, n) =>
      each.repeat(Number(n)),
    )
    if (kind === '' && !/^(#|$)/.test(line)) throw new Error(`line ${index + 1}: ${line}`)
    if (kind === 'TLS') await client.secure()
    if (kind === 'CLOSED') await client.closed()
    if (kind === 'C') client.write(`${what}\r\n`.repeat(Number(times)))
    if (kind === 'C~') client.write(octetsOf(JSON.parse(what) as string))
    if (kind !== 'S') continue
    expected.push(what)
    if (/^\d{3}-/.test(what)) continue
    for (let n = 0; n < Number(times); n += 1) {
      const reply = await client.reply()
      expect(linesOf(reply), `line ${index + 1}`).toEqual(expected.map(pattern))
      expectEnhancedCode(reply)
      if (/^OK [0-9a-v]{40}$/.test(reply.text)) ids.push(reply.text.slice(3))
    }
    expected = []
  }
  client.destroy()
  return ids
}

/** Octets up to 255 as they are; text beyond as UTF-8. */
function octetsOf(text: string): Buffer {
  return Buffer.from(text, /[^\x00-\xff]/.test(text) ? 'utf8' : 'latin1')
}

function linesOf({ code, lines }: Reply): string[] {
  return lines.map((line, index) => `${code}${index < lines.length - 1 ? '-' : ' '}${line}`)
}

function pattern(line: string): unknown {
  const parts = /^\d{3}$/.test(line) ? [`${line} `, ''] : line.split('*')
  return expect.stringMatching(new RegExp(`^${parts.map(RegExp.escape).join('.*')}$`))
}

/** RFC 2034 §4: on all but the greeting, the answers to HELO and EHLO, and 3yz. SES: nor on 250 OK <id>. */
function expectEnhancedCode({ code, text }: Reply): void {
  const without = /^(OK [0-9a-v]{40}$|mx\.example\.test(\s|$))/
  if (code < 400 && (code >= 300 || without.test(text))) return
  expect(`${code} ${text}`).toMatch(/^([245])\d\d \1\.\d{1,3}\.\d{1,3} /)
}
