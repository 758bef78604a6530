/** Every parser that is fuzzed, by name. A new one is a file in targets/, or a part of one, and a name here. */
import type { Target } from './target.ts'

type File = {
  readonly names: readonly string[]
  readonly load: () => Promise<{ readonly targets: readonly Target[] }>
}

/** Loaded when asked for: coverage has to be counted from the first line on. */
const files: readonly File[] = [
  {
    names: ['rules-yaml', 'rules-json', 'filters', 'pattern', 'regular-expression'],
    load: () => import('./targets/rules.ts'),
  },
  { names: ['config'], load: () => import('./targets/config.ts') },
  {
    names: ['address-list', 'ip-block', 'encoded-words', 'canonical-address', 'quoted-printable'],
    load: () => import('./targets/addresses.ts'),
  },
  {
    names: ['data', 'mime', 'header-fields', 'bounce-message'],
    load: () => import('./targets/message.ts'),
  },
  { names: ['dkim', 'dkim-key'], load: () => import('./targets/dkim.ts') },
  { names: ['authentication'], load: () => import('./targets/authentication.ts') },
  {
    names: ['envelope', 's3-encryption-client', 'key-files'],
    load: () => import('./targets/sealed.ts'),
  },
  {
    names: ['spool-entry', 'progress', 'receipt', 'index-metadata'],
    load: () => import('./targets/kept.ts'),
  },
]

export const targetNames: readonly string[] = files.flatMap(({ names }) => names)

/** Throws when there is no such. */
export async function targetNamed(name: string): Promise<Target> {
  const targets = await files.find(({ names }) => names.includes(name))?.load()
  const found = targets?.targets.find((each) => each.name === name)
  if (found === undefined) throw new Error(`there is no target ${name}`)
  return found
}
