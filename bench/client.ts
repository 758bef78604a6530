/**
 * Senders in a process of their own, for what smtp-source(1) cannot do: STARTTLS, and messages that come at
 * their own rate, whether the last one was answered or not. `node client.ts JSON` prints `Sent` as JSON.
 */
import { readFileSync } from 'node:fs'
import { connect as connectTo } from 'node:net'
import { SmtpClient, stuffed } from '../test/support/smtp-client.ts'

export type Order = {
  readonly port: number
  /** With LF, as smtp-source takes it. */
  readonly file: string
  readonly from: string
  readonly to: string
  readonly tls: boolean
} & (
  | { readonly messages: number; readonly sessions: number; readonly kept: boolean }
  /** A new connection for each message. */
  | { readonly rate: number; readonly seconds: number }
)

export type Sent = {
  readonly seconds: number
  /** Milliseconds from the final dot to the reply, of each message. */
  readonly waits: readonly number[]
}

/** So that a server that falls behind does not bring down the client. */
const mostAtOnce = 500

if (import.meta.main) {
  const sent = await carryOut(JSON.parse(process.argv[2] ?? '') as Order)
  process.stdout.write(JSON.stringify(sent))
}

/**
 * One message on a connection of its own; the wait for the reply to its final dot. Without a promise for each line,
 * which would cost as much as the server has to do: what is measured here is how long that takes.
 */
function sendPlain({ port, from, to }: Order, body: Buffer): Promise<number> {
  const lines = ['EHLO client.good.test', `MAIL FROM:<${from}>`, `RCPT TO:<${to}>`, 'DATA']
  const codes = ['220', '250', '250', '250', '354', '250', '221']
  return new Promise((resolve, reject) => {
    const socket = connectTo({ port, host: '127.0.0.1', noDelay: true })
    let step = 0
    let heard = ''
    let began = 0
    let wait = 0
    socket.setEncoding('latin1')
    socket.on('error', reject)
    socket.on('close', () => reject(new Error('the server closed the connection')))
    socket.on('data', (text: string) => {
      heard += text
      // The last line of a reply has no hyphen behind its code.
      const last = heard.lastIndexOf('\n', heard.length - 2) + 1
      if (!heard.endsWith('\n') || heard[last + 3] === '-') return
      if (!heard.startsWith(codes[step] ?? '')) reject(new Error(`it answered ${heard}`))
      heard = ''
      const line = lines[step]
      if (line !== undefined) socket.write(`${line}\r\n`)
      else if (step === 4) {
        socket.write(body, () => {
          began = performance.now()
          // The final dot is sent by itself.
          socket.write('.\r\n')
        })
      } else if (step === 5) {
        wait = performance.now() - began
        socket.write('QUIT\r\n')
      } else {
        resolve(wait)
        socket.destroy()
      }
      step += 1
    })
  })
}

async function carryOut(order: Order): Promise<Sent> {
  const message = stuffed(
    Buffer.from(readFileSync(order.file, 'latin1').replaceAll('\n', '\r\n'), 'latin1'),
  )
  // The final dot is sent by itself.
  const body = message.subarray(0, -3)
  const waits: number[] = []

  async function connect(): Promise<SmtpClient> {
    const client = await SmtpClient.connect({ host: '127.0.0.1', port: order.port })
    await client.hello('client.good.test')
    if (order.tls) {
      await client.startTls()
      await client.command('EHLO client.good.test')
    }
    return client
  }

  async function send(client: SmtpClient): Promise<void> {
    const { code } = await client.envelope(order.from, order.to)
    if (code !== 354) throw new Error(`DATA was answered ${code}`)
    await client.writeAll(body)
    const began = performance.now()
    const answer = await client.command('.')
    waits.push(performance.now() - began)
    if (answer.code !== 250) throw new Error(`a message was answered ${answer.code} ${answer.text}`)
  }

  async function once(): Promise<void> {
    if (!order.tls) return void waits.push(await sendPlain(order, body))
    const client = await connect()
    await send(client)
    await client.quit()
  }

  async function session(left: { count: number }, kept: boolean): Promise<void> {
    const client = kept ? await connect() : undefined
    while (left.count > 0) {
      left.count -= 1
      await (client === undefined ? once() : send(client))
    }
    await client?.quit()
  }

  const began = performance.now()
  const elapsed = (): number => (performance.now() - began) / 1000
  if ('messages' in order) {
    const left = { count: order.messages }
    await Promise.all(Array.from({ length: order.sessions }, () => session(left, order.kept)))
  } else {
    const underWay = new Set<Promise<void>>()
    for (let begun = 0; elapsed() < order.seconds; ) {
      const due = Math.floor(elapsed() * order.rate)
      for (; begun < due && underWay.size < mostAtOnce; begun += 1) {
        const each = once().finally(() => underWay.delete(each))
        underWay.add(each)
      }
      await new Promise((resolve) => setTimeout(resolve, 1))
    }
    await Promise.all(underWay)
  }
  return { seconds: elapsed(), waits }
}
