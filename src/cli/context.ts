/** What the commands share: the configuration that the global option names, and tables for people. */
import type { Command } from 'commander'
import { loadConfig } from '../config/load.ts'
import type { Config } from '../config/options.ts'

export { printable } from '../printable.ts'

/** The `--config` of the command line, or of the environment. */
export function configFile(command: Command): string | undefined {
  const { config } = command.optsWithGlobals<{ config?: string }>()
  return config ?? process.env['POSTERN_CONFIG']
}

/** How the user runs this program, with the configuration of this run: for commands shown to them. */
export function commandLine(command: Command): string {
  const program = process.env['POSTERN_COMMAND'] ?? 'postern'
  const file = configFile(command)
  return file === undefined ? program : `${program} --config ${file}`
}

/** The effective configuration. Throws `UserError`. */
export function configOf(command: Command): Config {
  const file = configFile(command)
  return loadConfig({
    ...(file === undefined ? {} : { file }),
    env: process.env,
    cwd: process.cwd(),
  })
}

export function printLine(text = ''): void {
  process.stdout.write(`${text}\n`)
}

/** One JSON object a line, for programs. */
export function printJson(value: unknown): void {
  printLine(JSON.stringify(value))
}

/** Columns as wide as their widest cell. */
export function printTable(head: readonly string[], rows: readonly (readonly string[])[]): void {
  const widths = head.map((name, column) =>
    Math.max(name.length, ...rows.map((row) => row[column]?.length ?? 0)),
  )
  for (const row of [head, ...rows]) {
    printLine(
      row
        .map((cell, column) => cell.padEnd(widths[column] ?? 0))
        .join('  ')
        .trimEnd(),
    )
  }
}
