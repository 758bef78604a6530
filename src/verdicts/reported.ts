/** What is reported of a check: texts from the message or from DNS, made fit to be kept, and who judged. */
import { createRequire } from 'node:module'

/** RFC 1035's longest name; longer texts are cut. */
const longest = 255

/** One line of bounded length: control characters become '?', so that no log or field is broken. */
export function bounded(text: string): string {
  const most = text.length > longest ? `${text.slice(0, longest - 1)}…` : text
  return most.replace(/[\x00-\x1f\x7f-\x9f\u2028\u2029]+/g, '?')
}

const require = createRequire(import.meta.url)
const versionOf = (manifest: string): string => (require(manifest) as { version: string }).version

/** Verdicts may change between versions (pitfalls P39), so that each is kept with it. */
export const posternEngine = `postern@${versionOf('../../package.json')}`
