/**
 * Makes the effective configuration of one YAML file, or of none. Promises: a Config in which every
 * option is filled in and within its range, paths are absolute and names exist; or one UserError
 * that lists everything wrong with the file. Reads files, opens no port, writes nothing.
 */
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs'
import { hostname } from 'node:os'
import { dirname, resolve } from 'node:path'
import { errorCode, UserError } from '../errors.ts'
import { printable } from '../printable.ts'
import { crossCheck } from './cross-check.ts'
import { type Document, type Environment, readDocument } from './document.ts'
import { fill } from './fill.ts'
import { explain, problemsOf } from './issues.ts'
import { type Config, options } from './options.ts'
import { formatKey, type Problem } from './problem.ts'

/** The file that is read when none is named, if it exists. */
export const defaultFile = 'postern.yaml'

/** Loads `file`, else `./postern.yaml` if there is one, else the embedded defaults. Throws UserError. */
export function loadConfig(from: {
  file?: string | undefined
  env: Environment
  cwd: string
}): Config {
  // As from `--config "$UNSET"`: the defaults would be the last thing that was meant.
  if (from.file === '') throw new UserError('The name of the configuration file is empty.')
  const file = from.file ?? defaultFile
  const path = resolve(from.cwd, file)
  const opened = openConfig(path, file, from.file === undefined)
  if (opened === undefined) return validate(file, readDocument('', {}), from.cwd, [])
  const document = readDocument(opened.text, from.env)
  return validate(file, document, dirname(path), openSecrets(document, opened.mode, file))
}

/** A secret in clear text in a file that others can read is no secret. */
function openSecrets(document: Document, mode: number, file: string): readonly Problem[] {
  if ((mode & 0o044) === 0) return []
  const reason = `is a secret in clear text in a file that others can read: chmod 600 ${file}, or write \${NAME} and set that in the environment`
  return document.literalSecrets.map((path) => ({ path, reason, at: 'value' }))
}

/** The file's text and mode, of one open file so that both are of the same. */
function openConfig(
  path: string,
  file: string,
  optional: boolean,
): { text: string; mode: number } | undefined {
  let descriptor: number | undefined
  try {
    descriptor = openSync(path, 'r')
    const { mode } = fstatSync(descriptor)
    const text = new TextDecoder('utf-8', { fatal: true }).decode(readFileSync(descriptor))
    return { text, mode }
  } catch (error) {
    const code = errorCode(error)
    if (code === 'ENOENT' && optional) return undefined
    if (code === 'ERR_ENCODING_INVALID_ENCODED_DATA')
      throw new UserError(`${file}: is not UTF-8 text`)
    if (code === 'ENOENT') {
      throw new UserError(
        `${file}: there is no such configuration file; name the right one with --config, or none to run on the defaults`,
      )
    }
    const remedy = code === 'EACCES' ? `: let user ${process.getuid?.() ?? '?'} read it` : ''
    throw new UserError(
      `${file}: the configuration file cannot be read (${code ?? error})${remedy}`,
    )
  } finally {
    if (descriptor !== undefined) closeSync(descriptor)
  }
}

function validate(
  file: string,
  document: Document,
  base: string,
  more: readonly Problem[],
): Config {
  if (document.value === undefined) throw refusal(file, document, document.problems)
  const parsed = options.safeParse(document.value, { error: explain })
  const problems = [
    ...document.problems,
    ...(parsed.success ? [] : problemsOf(parsed.error.issues, document.value)),
    ...crossCheck(document.value, base),
    ...more,
  ]
  if (!parsed.success || problems.length > 0) throw refusal(file, document, problems)
  return fill(parsed.data, { base, machine: hostname() })
}

/** One line for each option that is wrong, in the file's order; of several reasons the first. */
function refusal(file: string, document: Document, problems: readonly Problem[]): UserError {
  const told = new Set<string>()
  const lines = problems
    .map(({ path, reason, at, place }) => {
      return { key: formatKey(path), reason, place: place ?? document.place(path, at) }
    })
    .filter(({ key }) => key === '' || (!told.has(key) && told.add(key)))
    .sort((a, b) => a.place[0] - b.place[0] || a.place[1] - b.place[1])
    .map(({ key, reason, place }) => {
      // Names come from the file, and the YAML parser quotes it.
      return printable(`${file}:${place.join(':')}: ${key === '' ? '' : `${key}: `}${reason}`)
    })
  return new UserError([...new Set(lines)].join('\n'))
}
