/**
 * `postern keys rewrap`: changes the key of what a bucket holds. Never deletes; cut at any point, it goes
 * on when it is run again, since what is sealed to the new key is passed over.
 */
import { statSync } from 'node:fs'
import { readKey } from '../client/index.ts'
import { MAX_BYTES } from '../client/sealed-object.ts'
import type { Config } from '../config/options.ts'
import { UserError } from '../errors.ts'
import type { Change } from '../rewrap/change.ts'
import { type Done, rewrapAll } from '../rewrap/rewrap.ts'
import { bucketPlace } from '../roles/buckets.ts'
import { bucketOpener } from '../roles/stores.ts'
import { printable, printJson, printLine } from './context.ts'
import { knownKeys, requireOther, toKey } from './keys-rewrap-keys.ts'
import { placeOf } from './mail-place.ts'

export type RewrapOptions = {
  from: string
  to: string
  bucket?: string
  prefix?: string
  also?: string[]
  dropOthers?: boolean
  legacy?: boolean
  dryRun?: boolean
  json?: boolean
}

/** How often is said how far it is. */
const PROGRESS_MS = 5000

export async function rewrap(config: Config, options: RewrapOptions): Promise<void> {
  const { bucket, prefix = '', dryRun = false, json = false } = options
  const from = await readKey(options.from)
  const to = toKey(config, options.to)
  try {
    requireOther(from, to.key)
    const change: Change = {
      from,
      to: to.key,
      known: knownKeys(config, options.also ?? []),
      dropOthers: options.dropOthers ?? false,
      legacy: options.legacy ?? false,
      maxBytes: Math.max(MAX_BYTES, 2 * config.smtp.maxMessageBytes),
      dryRun,
    }
    const place = await placeOf(config, bucket)
    requireOwner(config, place.bucket)
    const store = (await bucketOpener(config))(place.bucket)
    const count = counter(dryRun)
    for await (const done of rewrapAll(store, prefix, change)) {
      count.add(done)
      if (json) printJson(jsonOf(done, dryRun))
      else for (const line of lineOf(done, dryRun)) printLine(printable(line))
    }
    if (json) say(count.inWords(place.name))
    else printLine(count.inWords(place.name))
    const left = count.left()
    if (left === 0) return
    const what = left === 1 ? '1 object was' : `${left} objects were`
    throw new Error(`${what} left with the old key: mend what is said of each, and run this again`)
  } finally {
    to.close()
  }
}

/** Throws UserError where the files written would be another's: the server could not read them. */
function requireOwner(config: Config, bucket: string): void {
  const place = bucketPlace(config, bucket)
  if (place.type !== 'dir') return
  const found = statSync(place.path, { throwIfNoEntry: false })
  if (found === undefined || process.geteuid === undefined || process.geteuid() === found.uid)
    return
  throw new UserError(
    `${place.path} belongs to another user (uid ${found.uid}): run this command as that user.`,
  )
}

function jsonOf({ key, outcome, ...more }: Done, dryRun: boolean) {
  const words = {
    resealed: 'would-reseal',
    rewrapped: 'would-rewrap',
    passed: 'passed',
    left: 'left',
  }
  return { key, outcome: dryRun ? words[outcome] : outcome, ...more }
}

/** What is done as it should be is counted, not told. */
function lineOf(done: Done, dryRun: boolean): string[] {
  if (done.outcome === 'left') return [`${done.key}: left as it is: ${done.text}`]
  if (!dryRun || done.outcome === 'passed') return []
  if (done.outcome === 'resealed') return [`${done.key}: would be sealed anew`]
  return [`${done.key}: its data key would be wrapped anew`]
}

function counter(dryRun: boolean) {
  const counts = { resealed: 0, rewrapped: 0, passed: 0, left: 0 }
  let said = Date.now()
  const would = dryRun ? 'would be ' : ''
  const inWords = (): string =>
    [
      `${counts.resealed} ${would}sealed anew`,
      `${counts.rewrapped} data keys ${would}wrapped anew`,
      `${counts.passed} not sealed to the old key`,
      `${counts.left} left`,
    ].join(', ')
  return {
    add({ outcome }: Done) {
      counts[outcome] += 1
      if (Date.now() - said < PROGRESS_MS) return
      said = Date.now()
      say(`so far ${inWords()}`)
    },
    left: () => counts.left,
    inWords: (place: string) => `${place}: ${inWords()}`,
  }
}

function say(text: string): void {
  process.stderr.write(`postern: ${text}\n`)
}
