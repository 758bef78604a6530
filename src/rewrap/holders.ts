/** Who can open an envelope after a change of keys. Pure. */
import type { PublicKey } from '../seal/envelope.ts'
import { type Change, left, type Outcome } from './change.ts'

/** The public keys to seal to, in the order of the envelope; or why it is left as it is. */
export function holdersAfter(
  ids: readonly string[],
  { from, to, known, dropOthers }: Change,
): readonly PublicKey[] | Outcome {
  const isOld = (id: string) => from.type === 'nacl' && from.id === id
  const others = dropOthers ? [] : ids.filter((id) => !isOld(id))
  if (to.type === 's3ec') {
    if (others.length === 0) return []
    return left(
      'other-holders',
      `it is sealed to ${named(others)}, too, and the new key is of a type that is alone on an object: choose a nacl key, or --drop-others`,
    )
  }
  const keys = new Map([...known, [to.id, to.publicKey]])
  const unknown = others.filter((id) => !keys.has(id))
  if (unknown.length > 0) {
    return left(
      'unknown-holder',
      `it is sealed to ${named(unknown)}, too, whose public key is not here: give it by --also FILE.pub, or leave it out by --drop-others`,
    )
  }
  const wanted = ids.filter((id) => isOld(id) || others.includes(id))
  const after = new Set(wanted.map((id) => (isOld(id) ? to.id : id)))
  return [...after].flatMap((id) => keys.get(id) ?? [])
}

function named(ids: readonly string[]): string {
  return `${ids.length === 1 ? 'key' : 'keys'} ${ids.join(', ')}`
}
