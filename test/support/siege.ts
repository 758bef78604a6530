/**
 * Hostile clients, each kind with several connections, for as long as the process lives:
 * `node siege.ts HOST PORT [PART OF A NAME]`. Prints `begun` when all have connected. A process of its own, so that what they
 * cost here is not taken for what they cost there. A connection that is closed comes again.
 */
import { connect, type Socket } from 'node:net'
import { setPriority } from 'node:os'
import { connect as connectTls } from 'node:tls'

const [, , host = '', port = '', only = ''] = process.argv

// Real ones have machines of their own: what these take of this one is not the server's to answer for.
setPriority(19)

type Attack = (socket: Socket) => void

/** Writes for ever, as fast as it is taken. */
function flood(socket: Socket, octets: string | Buffer): void {
  const more = (): void => {
    while (socket.writable && socket.write(octets));
  }
  socket.on('drain', more)
  more()
}

const read = (socket: Socket): Socket => socket.resume()
const envelope = 'EHLO x\r\nMAIL FROM:<a@example.test>\r\nRCPT TO:<you@example.test>\r\n'
const after = (socket: Socket, ms: number, act: () => void): void => {
  const timer = setInterval(() => (socket.writable ? act() : clearInterval(timer)), ms)
}

const attacks: Readonly<Record<string, readonly [count: number, attack: Attack]>> = {
  'NOOPs without end': [2, (s) => flood(read(s), `EHLO x\r\n${'NOOP\r\n'.repeat(10_000)}`)],
  'NOOPs, replies not read': [2, (s) => flood(s.pause(), 'NOOP\r\n'.repeat(10_000))],
  'pipelines without EHLO': [2, (s) => flood(read(s), `HELO x\r\n${'RSET\r\n'.repeat(10_000)}`)],
  'ten thousand recipients': [
    2,
    (s) => flood(read(s), envelope + 'RCPT TO:<you@example.test>\r\n'.repeat(10_000)),
  ],
  'recipients that are none': [
    2,
    (s) => flood(read(s), envelope + 'RCPT TO:<you@example.org>\r\n'.repeat(100)),
  ],
  'commands behind the end of data': [
    2,
    (s) => flood(read(s), `${envelope}DATA\r\na\r\n.\r\n${'\n'.repeat(8000)}`),
  ],
  'a command without an end': [2, (s) => flood(read(s), 'x'.repeat(65_536))],
  'a long HELO': [2, (s) => flood(read(s), `EHLO ${'x'.repeat(2000)}\r\n`)],
  'ten thousand header fields': [
    2,
    (s) => flood(read(s), `${envelope}DATA\r\n${'X: y\r\n'.repeat(10_000)}.\r\n`),
  ],
  'a line without an end': [
    2,
    (s) => {
      read(s).write(`${envelope}DATA\r\n`)
      s.once('data', () => flood(s, 'x'.repeat(65_536)))
    },
  ],
  'NUL and octets beyond ASCII': [2, (s) => flood(read(s), Buffer.alloc(4096, '\0\xff\r\n'))],
  'an octet at a time': [
    20,
    (s) => {
      read(s).setNoDelay(true)
      s.write(`${envelope}DATA\r\n`)
      after(s, 20, () => s.write('x'))
    },
  ],
  'nothing at all': [100, (s) => read(s)],
  'half of it closed': [2, (s) => read(s).end(`${envelope}DATA\r\n`)],
  'closed at once': [2, (s) => s.destroy()],
  'garbage for TLS': [
    2,
    (s) => flood(read(s), `EHLO x\r\nSTARTTLS\r\n${'\x16\x03\x01\xff\xff'.repeat(100)}`),
  ],
  'TLS, begun anew again and again': [
    2,
    (s) => {
      s.once('data', () => s.write('EHLO x\r\n'))
      s.on('data', (text) => {
        if (/^250 /m.test(String(text))) s.write('STARTTLS\r\n')
        if (!/^220 2/m.test(String(text))) return
        s.removeAllListeners('data')
        const secure = connectTls({ socket: s, rejectUnauthorized: false, maxVersion: 'TLSv1.2' })
        secure.on('error', () => s.destroy())
        secure.on('secureConnect', () => {
          after(secure, 5, () => secure.renegotiate({}, () => {}))
        })
      })
    },
  ],
}

let waitFor = 0
for (const [name, [count, attack]] of Object.entries(attacks)) {
  if (!name.includes(only)) continue
  for (let n = 0; n < count; n += 1) {
    waitFor += 1
    come(attack, () => {
      waitFor -= 1
      if (waitFor === 0) console.log('begun')
    })
  }
}

function come(attack: Attack, begun: () => void): void {
  const socket = connect({ host, port: Number(port) })
  socket.on('error', () => {})
  socket.once('connect', () => {
    attack(socket)
    begun()
  })
  socket.once('close', () => setTimeout(() => come(attack, () => {}), 50))
}
