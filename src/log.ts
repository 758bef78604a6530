/**
 * The log, on standard error: one JSON object a line, control characters escaped by JSON, or one
 * readable line each on a terminal. Levels in Postfix's sense: info (what happened), warn (look at it
 * some day), error (one message or action failed), fatal (this process cannot go on). Never holds
 * content, subjects or keys.
 */
import { pino } from 'pino'
import { prettyFactory } from 'pino-pretty'

type Write = (line: string) => void

const plain: Write = (line) => void process.stderr.write(line)

const readable = (): Write => {
  const pretty = prettyFactory({
    colorize: process.stderr.isTTY === true,
    singleLine: true,
    translateTime: 'SYS:HH:MM:ss',
    ignore: 'pid,role',
    messageFormat: (record, key) => `[${record['role']}] ${record[key]}`,
  })
  return (line) => void process.stderr.write(pretty(JSON.parse(line)) ?? line)
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
export function configureLog({ level, format }: LogSettings): void {
  log.level = level
  const people = format === 'pretty' || (format === 'auto' && process.stderr.isTTY === true)
  write = people ? readable() : plain
}
