/**
 * The log, on standard error: one JSON object a line, or one readable line each on a terminal, and no
 * control character in either but the newline that ends a record. Levels in Postfix's sense: info (what happened), warn (look at it
 * some day), error (one message or action failed), fatal (this process cannot go on). Never holds
 * content, subjects or keys.
 */
import { pino } from 'pino'
import { printable, printableJson } from './printable.ts'

type Write = (line: string) => void

const plain: Write = (line) => void process.stderr.write(`${printableJson(line.trimEnd())}\n`)

const readable = async (): Promise<Write> => {
  // Loaded for people only: with it, every process would start a twentieth of a second later.
  const { prettyFactory } = await import('pino-pretty')
  const pretty = prettyFactory({
    colorize: process.stderr.isTTY === true,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,role',
    messageFormat: (record, key) => `[${record['role']}] ${record[key]}`,
  })
  return (line) => void process.stderr.write(pretty(visible(JSON.parse(line))) ?? '')
}

/** pino-pretty 13 writes a message as it is; a stack is the one text that has lines. */
function visible(value: unknown, name = ''): unknown {
  if (typeof value === 'string') {
    const lines = name === 'stack' ? value.split(/\n(?= +at )/) : [value]
    return lines.map(printable).join('\n')
  }
  if (Array.isArray(value)) return value.map((each) => visible(each))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [printable(key), visible(each, key)]),
  )
}

let write: Write = plain

export const log = pino(
  {
    base: { role: process.env['POSTERN_ROLE'] ?? 'serve', pid: process.pid },
    timestamp: pino.stdTimeFunctions.isoTime,
    formatters: { level: (label) => ({ level: label }) },
  },
  { write: (line: string) => write(line) },
)

export type LogSettings = {
  readonly level: 'debug' | 'info' | 'warn' | 'error'
  /** `auto`: readable on a terminal, JSON elsewhere. */
  readonly format: 'auto' | 'json' | 'pretty'
}

/** Sets how this process logs, from here on. */
export async function configureLog({ level, format }: LogSettings): Promise<void> {
  log.level = level
  const people = format === 'pretty' || (format === 'auto' && process.stderr.isTTY === true)
  write = people ? await readable() : plain
}
