/** What a condition can say, and the words for what is not known. Pure. */
import type { Condition } from './condition.ts'
import type { HeaderField, MessageFacts } from './facts.ts'

/** What was not given: an option of `postern explain` gives it. */
export type Missing = 'from' | 'helo' | 'ip' | 'message' | 'verdicts'

/** `because`: what was found, in a phrase for the trace; shows text of the message only where short. */
export type Decision = {
  readonly result: 'true' | 'false' | 'undecided'
  readonly because: string
  /** The fact without which it is undecided; absent where the fact can not be had. */
  readonly lacks?: Missing
}

/** `recipient`: the one that the rule is asked for. `scan`: whether the rule asks for one. */
export type Predicate = (facts: MessageFacts, recipient: string, scan: boolean) => Decision

export type Spec<Kind extends string> = Extract<Condition, Record<Kind, unknown>>[Kind]

/** A fact that is not known, and why. */
export type Unknown = { readonly because: string; readonly lacks?: Missing }

export const decided = (holds: boolean, because: string): Decision => ({
  result: holds ? 'true' : 'false',
  because,
})
export const undecided = (unknown: Unknown): Decision => ({ result: 'undecided', ...unknown })

export function isUnknown(found: unknown): found is Unknown {
  return typeof found === 'object' && found !== null && 'because' in found
}

export const notYet: Unknown = {
  because: 'not known before the message is there',
  lacks: 'message',
}
export const noSender: Unknown = { because: 'the reverse-path is not known', lacks: 'from' }
export const noHelo: Unknown = { because: 'the HELO name is not known', lacks: 'helo' }
export const noAddress: Unknown = { because: "the client's address is not known", lacks: 'ip' }

export function fieldsNamed(facts: MessageFacts, name: string): readonly HeaderField[] | Unknown {
  if (facts.fields === undefined) return notYet
  return facts.fields().filter((field) => field.name.toLowerCase() === name)
}

export function attachmentsUnknown({ size }: MessageFacts): Unknown {
  return size === undefined ? notYet : { because: 'the MIME structure can not be told for sure' }
}
