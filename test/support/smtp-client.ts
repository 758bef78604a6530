/** A raw SMTP client for tests: what is written leaves as it is, replies come back as they are. */
import { once } from 'node:events'
import { connect, type Socket } from 'node:net'
import { connect as connectTls } from 'node:tls'

export type Reply = {
  readonly code: number
  readonly text: string
  readonly lines: readonly string[]
}

export class SmtpClient {
  #socket: Socket
  #buffer = ''
  #replies: Reply[] = []
  #waiting: (() => void)[] = []
  #closed = false

  private constructor(socket: Socket) {
    this.#socket = socket
    this.#listen()
  }

  /** `localAddress`: the address that the server sees. */
  static async connect(
    { host, port }: { readonly host: string; readonly port: number },
    localAddress?: string,
  ): Promise<SmtpClient> {
    const socket = connect({ host, port, ...(localAddress === undefined ? {} : { localAddress }) })
    await once(socket, 'connect')
    // What is written in pieces is to arrive in pieces.
    socket.setNoDelay(true)
    return new SmtpClient(socket)
  }

  /** The next reply, whole; rejects when the server closes first. */
  async reply(): Promise<Reply> {
    while (this.#replies.length === 0) {
      if (this.#closed) throw new Error('the server closed the connection')
      await new Promise<void>((resolve) => this.#waiting.push(resolve))
    }
    return this.#replies.shift() as Reply
  }

  write(octets: string | Uint8Array): void {
    this.#socket.write(octets)
  }

  /** Writes and waits until the kernel has taken it: for large bodies. */
  async writeAll(octets: Uint8Array): Promise<void> {
    if (!this.#socket.write(octets)) await once(this.#socket, 'drain')
  }

  async command(line: string): Promise<Reply> {
    this.write(`${line}\r\n`)
    return this.reply()
  }

  /** Greeting and EHLO. */
  async hello(name = 'client.example.test'): Promise<Reply> {
    await this.reply()
    return this.command(`EHLO ${name}`)
  }

  /** MAIL, RCPT, DATA up to 354. */
  async envelope(from: string, ...to: string[]): Promise<Reply> {
    await this.command(`MAIL FROM:<${from}>`)
    for (const each of to) await this.command(`RCPT TO:<${each}>`)
    return this.command('DATA')
  }

  /** Sends `message` dot-stuffed, then the end of data; the reply to it. */
  async message(message: Uint8Array): Promise<Reply> {
    await this.writeAll(stuffed(message))
    return this.reply()
  }

  async startTls(): Promise<void> {
    await this.command('STARTTLS')
    await this.secure()
  }

  /** The TLS handshake alone. Resolves with the fingerprint of the server's certificate. */
  async secure(): Promise<string> {
    this.#socket.removeAllListeners()
    const secure = connectTls({ socket: this.#socket, rejectUnauthorized: false })
    await once(secure, 'secureConnect')
    this.#socket = secure
    this.#listen()
    return secure.getPeerCertificate().fingerprint256
  }

  /** Resolves when the server has closed. */
  async closed(): Promise<void> {
    while (!this.#closed) await new Promise<void>((resolve) => this.#waiting.push(resolve))
  }

  /** Breaks the connection without QUIT. */
  destroy(): void {
    this.#socket.destroy()
  }

  async quit(): Promise<void> {
    this.write('QUIT\r\n')
    await this.closed()
  }

  #listen(): void {
    const wake = (): void => {
      for (const each of this.#waiting.splice(0)) each()
    }
    this.#socket.setEncoding('utf8')
    this.#socket.on('data', (text: string) => {
      this.#buffer += text
      for (;;) {
        const match = /^(?:\d{3}-.*\r\n)*(\d{3})(?: .*)?\r\n/.exec(this.#buffer)
        if (match === null) break
        this.#buffer = this.#buffer.slice(match[0].length)
        const lines = match[0]
          .trimEnd()
          .split('\r\n')
          .map((line) => line.slice(4))
        this.#replies.push({ code: Number(match[1]), text: lines.join('\n'), lines })
      }
      wake()
    })
    const end = (): void => {
      this.#closed = true
      wake()
    }
    this.#socket.on('close', end)
    this.#socket.on('error', end)
  }
}

/** Dot-stuffed and ended: CRLF is added before the final dot only when the message lacks it. */
export function stuffed(message: Uint8Array): Buffer {
  const text = Buffer.from(message).toString('latin1')
  const body = text.replace(/(^|\r\n)\./g, '$1..')
  const end = body === '' || body.endsWith('\r\n') ? '.\r\n' : '\r\n.\r\n'
  return Buffer.from(body + end, 'latin1')
}
