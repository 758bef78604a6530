/**
 * What no single option can tell: names that must exist, files that must be readable, options that
 * need each other. Works on what was written, right or wrong, so that everything is told at once.
 */
import { accessSync, constants, statSync } from 'node:fs'
import { resolve } from 'node:path'
import { errorCode } from '../errors.ts'
import { delivery, http, spam } from './options-node.ts'
import { closest, formatKey, type Key, type Problem } from './problem.ts'

/** The problems of `written`, whose relative paths start at `base`. */
export function crossCheck(written: unknown, base: string): readonly Problem[] {
  return [
    ...unknownKeyNames(written),
    ...unfitLists(written),
    ...groupAlone(written),
    ...unreadableFiles(written, base),
    ...openTlsKey(written, base),
    ...sharedAddresses(written),
    ...halfCredentials(written),
    ...retryOrder(written),
    ...scoreOrder(written),
  ]
}

/** `main` is always known: where it is not configured it is the pair made on first start. */
function unknownKeyNames(written: unknown): readonly Problem[] {
  const known = [...new Set(['main', ...Object.keys(objectAt(written, 'keys'))])]
  return namedKeys(written).flatMap(({ path, name }): readonly Problem[] => {
    if (known.includes(name)) return []
    const near = closest(name, known)
    const hint = near === undefined ? `the keys are ${known.join(', ')}` : `did you mean ${near}?`
    return [
      { path, reason: `there is no key ${JSON.stringify(name)} in keys; ${hint}`, at: 'value' },
    ]
  })
}

type NamedKey = { readonly path: readonly Key[]; readonly name: string; readonly among: number }

/** Every place that names a key; `among` how many are named there. */
function namedKeys(written: unknown): readonly NamedKey[] {
  const arns = Object.entries(objectAt(written, 'resources', 'keys'))
  const places: readonly (readonly [readonly Key[], unknown, string])[] = [
    ...arns.map(([arn, named]) => [['resources', 'keys', arn], named, ''] as const),
    [['encryption', 'default'], at(written, 'encryption', 'default'), 'key/'],
  ]
  return places.flatMap(([path, named, before]) => {
    const list: readonly unknown[] = Array.isArray(named) ? named : [named]
    return list.flatMap((each, index): readonly NamedKey[] => {
      if (typeof each !== 'string' || !each.startsWith(before)) return []
      const place = Array.isArray(named) ? [...path, index] : path
      return [{ path: place, name: each.slice(before.length), among: list.length }]
    })
  })
}

/** An object in a format of the S3 Encryption Client has one key; each key of a list is named once. */
function unfitLists(written: unknown): readonly Problem[] {
  const seen = new Set<string>()
  return namedKeys(written).flatMap(({ path, name, among }): readonly Problem[] => {
    if (among === 1) return []
    const place = JSON.stringify([path.slice(0, -1), name])
    if (seen.has(place)) return [{ path, reason: `names ${name} again`, at: 'value' }]
    seen.add(place)
    const type = ['rsa', 'aes', 'kms'].find((each) => each === at(written, 'keys', name, 'type'))
    if (type === undefined) return []
    const reason = `a list is for keys of type nacl, and ${name} is of type ${type}: its format has one key`
    return [{ path, reason, at: 'value' }]
  })
}

function unreadableFiles(written: unknown, base: string): readonly Problem[] {
  const keyFiles = Object.keys(objectAt(written, 'keys')).flatMap((name) => [
    ['keys', name, 'publicKey'],
    ['keys', name, 'keyFile'],
  ])
  const paths = [['smtp', 'tls', 'cert'], ['smtp', 'tls', 'key'], ...keyFiles]
  return paths.flatMap((path): readonly Problem[] => {
    const file = at(written, ...path)
    if (typeof file !== 'string' || file === '') return []
    if (path[2] === 'publicKey' && !/\.(?:pub|pem)$/.test(file)) return []
    const failure = readFailure(resolve(base, file))
    return failure === undefined ? [] : [{ path, reason: failure, at: 'value' }]
  })
}

function groupAlone(written: unknown): readonly Problem[] {
  if (at(written, 'group') === undefined || at(written, 'user') !== undefined) return []
  return [{ path: ['group'], reason: 'needs user: a group alone is no user', at: 'value' }]
}

/** Its group may read it: a certificate is often shared by the servers of a machine. */
function openTlsKey(written: unknown, base: string): readonly Problem[] {
  const named = at(written, 'smtp', 'tls', 'key')
  const file = typeof named === 'string' ? resolve(base, named) : base
  if (!isOpenToAll(file)) return []
  const reason = `${file} is a secret that everybody on this machine can read: chmod 600 ${file}`
  return [{ path: ['smtp', 'tls', 'key'], reason, at: 'value' }]
}

function isOpenToAll(file: string): boolean {
  const found = statSync(file, { throwIfNoEntry: false })
  return found?.isFile() === true && (found.mode & 0o004) !== 0
}

function readFailure(file: string): string | undefined {
  try {
    accessSync(file, constants.R_OK)
    return statSync(file).isFile() ? undefined : `${file} is not a file`
  } catch (error) {
    const code = errorCode(error)
    const remedy = code === 'EACCES' ? `: let user ${process.getuid?.() ?? '?'} read it` : ''
    return `${file} cannot be read (${code ?? 'unknown error'})${remedy}`
  }
}

/** Port 0 is a port of its own each time. */
function sharedAddresses(written: unknown): readonly Problem[] {
  const listen = at(written, 'smtp', 'listen')
  const smtp = (Array.isArray(listen) ? listen : []).map((address: unknown, index) => {
    return { path: ['smtp', 'listen', index], address }
  })
  const watched = at(written, 'http', 'listen') ?? http.parse({}).listen
  const all = [{ path: ['http', 'listen'], address: watched }, ...smtp]
  const taken = new Map<string, readonly Key[]>()
  return all.flatMap(({ path, address }): readonly Problem[] => {
    if (typeof address !== 'string' || address.endsWith(':0')) return []
    const first = taken.get(address.toLowerCase())
    taken.set(address.toLowerCase(), first ?? path)
    if (first === undefined) return []
    return [{ path, reason: `is the same address as ${formatKey(first)}`, at: 'value' }]
  })
}

function halfCredentials(written: unknown): readonly Problem[] {
  const buckets = Object.keys(objectAt(written, 'resources', 'buckets'))
  const keys = Object.keys(objectAt(written, 'keys'))
  const places = [
    ['store'],
    ...buckets.map((name) => ['resources', 'buckets', name]),
    ...keys.map((name) => ['keys', name]),
  ]
  return places.flatMap((path): readonly Problem[] => {
    const id = at(written, ...path, 'accessKeyId') === undefined
    const secret = at(written, ...path, 'secretAccessKey') === undefined
    const reason = 'needs both accessKeyId and secretAccessKey, or neither'
    return id === secret ? [] : [{ path, reason, at: 'value' }]
  })
}

function retryOrder(written: unknown): readonly Problem[] {
  return wrongOrder(written, 'delivery', delivery.parse({}), 'firstRetryMs', 'maxRetryMs')
}

function scoreOrder(written: unknown): readonly Problem[] {
  return wrongOrder(written, 'spam', spam.parse({}), 'grayScore', 'failScore')
}

/** Two numbers of one section, of which the first may not be above the second. */
function wrongOrder(
  written: unknown,
  section: string,
  preset: Readonly<Record<string, unknown>>,
  lower: string,
  upper: string,
): readonly Problem[] {
  const [first, last] = [lower, upper].map((name) => at(written, section, name) ?? preset[name])
  if (typeof first !== 'number' || typeof last !== 'number' || first <= last) return []
  // What stands in the file is what can be told to be wrong there.
  const path = [section, at(written, section, lower) === undefined ? upper : lower]
  const reason =
    path[1] === lower
      ? `must not be above ${upper}, ${last}`
      : `must not be below ${lower}, ${first}`
  return [{ path, reason, at: 'value' }]
}

function at(value: unknown, ...path: readonly Key[]): unknown {
  let found = value
  for (const key of path) {
    if (typeof found !== 'object' || found === null || !Object.hasOwn(found, key)) return undefined
    found = Reflect.get(found, key)
  }
  return found
}

function objectAt(value: unknown, ...path: readonly Key[]): object {
  const found = at(value, ...path)
  return typeof found === 'object' && found !== null ? found : {}
}
