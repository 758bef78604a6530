/** Plays the mail server that a relay or an MX is: takes everything, and keeps what it was told. */
import { type AddressInfo, createServer, type Socket } from 'node:net'

export type Taken = {
  /** The lines before DATA, as they came. */
  readonly commands: readonly string[]
  readonly message: string
}

export type SmtpSink = {
  /** host:port */
  readonly place: string
  readonly taken: readonly Taken[]
  readonly close: () => void
}

export async function startSmtpSink(): Promise<SmtpSink> {
  const taken: Taken[] = []
  const sockets = new Set<Socket>()
  const server = createServer((socket) => {
    sockets.add(socket)
    let commands: string[] = []
    let data: string[] | undefined
    let unread = ''
    const say = (line: string): void => void socket.write(`${line}\r\n`)
    const hear = (line: string): void => {
      if (data !== undefined) {
        if (line !== '.') {
          data.push(line.replace(/^\./, ''))
          return
        }
        taken.push({ commands, message: data.join('\r\n') })
        commands = []
        data = undefined
        say('250 2.0.0 taken')
        return
      }
      commands.push(line)
      if (line === 'QUIT') {
        socket.end('221 2.0.0 bye\r\n')
        return
      }
      if (line === 'DATA') data = []
      say(line === 'DATA' ? '354 go on' : '250 fine')
    }
    socket.setEncoding('utf8').on('data', (text: string) => {
      const lines = (unread + text).split('\r\n')
      unread = lines.pop() ?? ''
      for (const line of lines) hear(line)
    })
    socket.on('error', () => {})
    say('220 relay.example.test')
  })
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
  const { port } = server.address() as AddressInfo
  return {
    place: `127.0.0.1:${port}`,
    taken,
    close() {
      server.close()
      for (const each of sockets) each.destroy()
    },
  }
}
