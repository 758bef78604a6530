/** `postern send`: hands a test message to the server by SMTP and shows what it answers. */
import { readFileSync } from 'node:fs'
import { Command } from 'commander'
import { createTransport } from 'nodemailer'
import { parseListen } from '../config/texts.ts'
import { describeError, UserError } from '../errors.ts'
import { rfc5322Date } from '../mail/prepend.ts'
import { eicar } from '../verdicts/clamd-own.ts'
import { configOf, printable, printLine } from './context.ts'

type Options = {
  to: string[]
  from: string
  subject: string
  message?: string
  server?: string
  tls: boolean
  virus?: true
  spam?: true
}

export function sendCommand(): Command {
  return new Command('send')
    .description('Send a test message to the server and show its answer.')
    .requiredOption('--to <address...>', 'envelope recipients')
    .option('--from <address>', 'envelope sender', 'postern-send@localhost.test')
    .option('--subject <text>', 'subject of the test message', 'A test message')
    .option(
      '--virus',
      'attach the EICAR test file, which every virus scanner finds and nobody fears',
    )
    .option('--spam', 'write the GTUBE test line, which every spam filter knows')
    .option('--message <file>', 'send this file (line ends become CRLF) instead of a test message')
    .option('--server <host:port>', 'default: the first address of smtp.listen')
    .option('--no-tls', 'do not use STARTTLS')
    .addHelpText('after', '\nExample:\n  postern send --to you@example.test --subject Hello')
    .action(async (options: Options, command: Command) => {
      const server = options.server ?? configOf(command).smtp.listen[0] ?? ''
      const place = parseListen(server)
      if (place === undefined) throw new UserError(`${printable(server)} is not host:port.`)
      const transport = createTransport({
        ...place,
        name: 'localhost.test',
        ignoreTLS: !options.tls,
        // The server may well show its self-signed certificate: this is a test, of nobody's identity.
        tls: { rejectUnauthorized: false },
      })
      const raw =
        options.message === undefined ? testMessage(options) : readMessage(options.message)
      try {
        const { response } = await transport.sendMail({
          envelope: { from: options.from, to: options.to },
          raw,
        })
        printLine(printable(response))
      } catch (error) {
        throw new Error(`${server} did not take the message: ${printable(describeError(error))}`)
      } finally {
        transport.close()
      }
    })
}

function readMessage(path: string): Buffer {
  try {
    return readFileSync(path)
  } catch (error) {
    throw new UserError(`The message ${path} can't be read: ${describeError(error)}.`)
  }
}

function testMessage({ from, to, subject, virus, spam }: Options): string {
  const now = new Date()
  const text = [
    'Content-Type: text/plain; charset=utf-8',
    '',
    'This is a test message from postern send.',
    ...(spam ? [gtube] : []),
    '',
  ]
  const attachment = [
    'Content-Type: application/octet-stream; name="eicar.com"',
    'Content-Disposition: attachment; filename="eicar.com"',
    'Content-Transfer-Encoding: base64',
    '',
    Buffer.from(eicar).toString('base64'),
  ]
  return [
    `From: <${from}>`,
    `To: ${to.map((each) => `<${each}>`).join(', ')}`,
    `Subject: ${subject}`,
    `Date: ${rfc5322Date(now)}`,
    `Message-ID: <${now.getTime()}.${process.pid}@localhost.test>`,
    'MIME-Version: 1.0',
    ...(virus
      ? [
          'Content-Type: multipart/mixed; boundary="postern-send"',
          '',
          '--postern-send',
          ...text,
          '--postern-send',
          ...attachment,
          '--postern-send--',
          '',
        ]
      : text),
  ].join('\r\n')
}

/** In two pieces, so that no filter takes this file for spam. */
const gtube = ['XJS*C4JDBQADN1.NSBN3*2IDNEN*', 'GTUBE-STANDARD-ANTI-UBE-TEST-EMAIL*C.34X'].join('')
