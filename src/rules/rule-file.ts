/**
 * The one file of a name in a rules directory: `<stem>.yaml`, `.yml` or `.json`. Two of them are refused,
 * since nobody could say which counts, and so is one too large to be a file of rules. Never throws.
 */
import { existsSync, readFileSync, statSync } from 'node:fs'
import { join } from 'node:path'
import { describeError } from '../errors.ts'

export const extensions = ['yaml', 'yml', 'json']

/** `file`: its path, for messages. `problem`: one sentence. `undefined`: there is none. */
export type RuleFile =
  | { readonly file: string; readonly text: string }
  | { readonly problem: string }

export function readRuleFile(
  dir: string,
  stem: string,
  maxFileBytes: number,
): RuleFile | undefined {
  const [file, other] = extensions.map((ext) => join(dir, `${stem}.${ext}`)).filter(existsSync)
  if (file === undefined) return undefined
  if (other !== undefined)
    return { problem: `There are both ${file} and ${other}: keep one of them.` }
  try {
    const { size } = statSync(file)
    if (size > maxFileBytes) {
      return { problem: `${file} has ${size} octets; the limit is ${maxFileBytes}.` }
    }
    return { file, text: readFileSync(file, 'utf8') }
  } catch (error) {
    return { problem: `${file} cannot be read: ${describeError(error)}.` }
  }
}
