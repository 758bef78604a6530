/**
 * Postern connects to what its configuration names and to nothing else: no telemetry, nothing that a
 * message asks for. Every connection of every process is looked at by strace, every question by a name
 * server. The resolver is the test's; all else that could lead outside is the default.
 */
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, expect, test } from 'vitest'
import { send } from '../support/bounces.ts'
import { startDns } from '../support/dns.ts'
import { startPostern, stopAll } from '../support/postern.ts'

const scratch = mkdtempSync(join(tmpdir(), 'postern-outbound-'))
afterAll(async () => {
  await stopAll()
  rmSync(scratch, { recursive: true })
})

/** Everything that makes some program somewhere fetch, ask or answer. */
const tempting = [
  'Received: from far.example.net ([192.0.2.1]) by b.test; Mon, 1 Jan 2024 00:00:00 +0000',
  'DKIM-Signature: v=1; a=rsa-sha256; d=signer.test; s=sel; q=dns/txt; h=from; bh=AAAA; b=AAAA',
  'BIMI-Selector: v=BIMI1; s=brand',
  'BIMI-Location: v=BIMI1; l=https://logo.test/logo.svg',
  'Return-Receipt-To: <receipt@receipt.test>',
  'Disposition-Notification-To: <mdn@receipt.test>',
  'List-Unsubscribe: <https://unsubscribe.test/x>, <mailto:u@unsubscribe.test>',
  'List-Unsubscribe-Post: List-Unsubscribe=One-Click',
  'From: Ann <ann@sender.test>',
  'Subject: https://subject.test/',
  'MIME-Version: 1.0',
  'Content-Type: multipart/mixed; boundary=b',
  '',
  '--b',
  'Content-Type: text/html',
  '',
  '<img src="http://pixel.test/1.gif"><link rel=stylesheet href="//style.test/s.css">',
  '--b',
  'Content-Type: message/external-body; access-type=URL; URL="http://external.test/file"',
  '',
  'Content-Type: text/plain',
  '',
  '',
  '--b--',
  '',
].join('\r\n')

test('a server with the default configuration connects to itself and to its name server', async () => {
  const bimi = 'v=BIMI1; l=https://logo.test/logo.svg; a=https://logo.test/vmc.pem'
  const dns = await startDns({
    'sender.test': { TXT: ['v=spf1 ip4:192.0.2.0/24 -all'], MX: ['10 mx.sender.test'] },
    '_dmarc.sender.test': {
      TXT: ['v=DMARC1; p=quarantine; rua=mailto:rua@report.test; ruf=mailto:ruf@report.test; fo=1'],
    },
    'default._bimi.sender.test': { TXT: [bimi] },
    'brand._bimi.sender.test': { TXT: [bimi] },
  })
  const trace = join(scratch, 'trace')
  const postern = await startPostern({
    config: { dns: { servers: [dns.server] }, virus: { clamd: 'auto' } },
    // -D: it is strace that is the child, so that the program keeps its pid.
    under: [
      'strace',
      '-f',
      '-D',
      '-qq',
      '-e',
      'trace=connect,sendto,sendmsg,sendmmsg',
      '-o',
      trace,
    ],
  })
  const replies = await send(postern, '<ann@sender.test>', ['you@example.test'], tempting)
  expect(replies.at(-1)?.code).toBe(250)
  await postern.delivered()
  await postern.stop()
  await dns.stop()
  expect(addressesOf(readFileSync(trace, 'utf8'))).toEqual([dns.server])
  expect([...new Set(dns.questions)].sort()).toEqual([
    'TXT _dmarc.sender.test',
    'TXT _dmarc.test',
    'TXT client.example.test',
    'TXT sender.test',
  ])
})

/** Internet addresses in strace's output, sorted; unix sockets are this machine. */
function addressesOf(trace: string): string[] {
  const found = trace.matchAll(
    /sin6?_port=htons\((\d+)\).*?inet_(?:addr\("|pton\(AF_INET6, ")([^"]+)/g,
  )
  return [...new Set([...found].map(([, port, host]) => `${host}:${port}`))].sort()
}
