/** Stands for an S3 server that answers as scripted: overload, a lost race, a cut connection, another's object. */
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import type { AddressInfo } from 'node:net'

export type Answer = (response: ServerResponse) => void

type Asked = {
  readonly line: string
  readonly headers: IncomingMessage['headers']
  readonly octets: number
}

export type ScriptedS3 = {
  /** What was asked of it since it was opened. */
  asked: Asked[]
  /** What it answers next, in turn; then 200. */
  answers: Answer[]
  /** Listens, and answers the endpoint. */
  readonly open: () => Promise<string>
  readonly close: () => Promise<void>
}

export function scriptedS3(): ScriptedS3 {
  const server = createServer((request, response) => {
    let octets = 0
    request.on('data', (chunk: Buffer) => {
      octets += chunk.length
    })
    request.on('end', () => {
      self.asked.push({
        line: `${request.method} ${request.url}`,
        headers: request.headers,
        octets,
      })
      const answer = self.answers.shift() ?? status(200)
      answer(response)
    })
  })
  const self: ScriptedS3 = {
    asked: [],
    answers: [],
    async open() {
      await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve))
      self.asked = []
      self.answers = []
      return `http://127.0.0.1:${(server.address() as AddressInfo).port}`
    },
    async close() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
    },
  }
  return self
}

export const status =
  (code: number, headers: Record<string, string> = {}, body = ''): Answer =>
  (response) => {
    response.writeHead(code, headers).end(body)
  }

export const refuse = (code: number, name: string): Answer =>
  status(code, {}, `<Error><Code>${name}</Code><Message>${name}</Message></Error>`)

export const xml = (body: string): Answer =>
  status(200, { 'content-type': 'application/xml' }, body)
