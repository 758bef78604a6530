/**
 * Which options hold a secret, and the two things that follow: a file with one in clear text must
 * not be readable by others, and no log shows one. Pure.
 */
import type { Config } from './options.ts'
import { secretNames } from './parts.ts'
import type { Key } from './problem.ts'

/** A Redis URL's password; `.*` reaches the last @, since an unescaped one may stand in the password. */
const urlPassword = /^(rediss?:\/\/[^:/]*:)(.*)(@)/i

const hidden = '(hidden)'

/** Whether the option that ends in `name` was written with its secret in clear text, before `${NAME}`s are replaced. */
export function isLiteralSecret(name: Key | undefined, written: string): boolean {
  const secret = secretOf(name, written)
  return secret !== undefined && secret !== '' && !/(?<!\$)\$\{/.test(secret)
}

function secretOf(name: Key | undefined, text: string): string | undefined {
  if (typeof name !== 'string') return undefined
  return secretNames.includes(name) ? text : urlPassword.exec(text)?.[2]
}

/** The configuration for a log or a screen: secrets are replaced, nothing else is changed. */
export function redact(config: Config): Config {
  // The shape stays, texts stay texts: still a Config.
  return redactValue(config, undefined) as Config
}

function redactValue(value: unknown, name: Key | undefined): unknown {
  if (typeof value === 'string') {
    if (typeof name === 'string' && secretNames.includes(name)) return hidden
    return value.replace(urlPassword, `$1${hidden}$3`)
  }
  if (Array.isArray(value)) return value.map((each) => redactValue(each, name))
  if (typeof value !== 'object' || value === null) return value
  return Object.fromEntries(
    Object.entries(value).map(([key, each]) => [key, redactValue(each, key)]),
  )
}
