/**
 * Whether the files of the rules have changed. Looks every half second: what tells of changes differs by file
 * system, and a look is a few calls.
 */
import { readdirSync, statSync } from 'node:fs'
import { join, parse } from 'node:path'
import type { Config } from '../config/options.ts'
import { describeError } from '../errors.ts'

const lookEveryMs = 500

/** Calls `changed` when the files have changed and settled; answers what ends it. */
export function onChange(config: Config, changed: () => void): () => void {
  let seen = signatureOf(config)
  let told = seen
  const look = (): void => {
    const now = signatureOf(config)
    // A file that is being written is left alone until it has been the same twice: half a file may be
    // a whole rule set.
    const settled = now === seen
    seen = now
    if (!settled || now === told) return
    told = now
    changed()
  }
  const timer = setInterval(look, lookEveryMs)
  timer.unref()
  return () => clearInterval(timer)
}

/** Changes whenever a file does that the rules come from. */
function signatureOf({ rules: { dir, active, shadow } }: Config): string {
  const stems = [active, shadow, 'filters']
  try {
    return readdirSync(dir)
      .filter((name) => stems.includes(parse(name).name))
      .map((name) => {
        const { mtimeMs, size, ino } = statSync(join(dir, name))
        return `${name} ${mtimeMs} ${size} ${ino}`
      })
      .join('\n')
  } catch (error) {
    // Gone between the two calls, or the directory with it: a change, which loading will tell of.
    return describeError(error)
  }
}
