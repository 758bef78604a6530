/** Who can open an envelope after a change of keys. */
import { expect, test } from 'vitest'
import { naclKey } from '../../../src/client/keys.ts'
import { holdersAfter } from '../../../src/rewrap/holders.ts'
import { changeOf } from './support.ts'

const [old, next, team, escrow] = [1, 2, 3, 4].map((n) => naclKey(new Uint8Array(32).fill(n)))
if (!old || !next || !team || !escrow) throw new Error('four keys')
const names = new Map(
  [old, next, team, escrow].map((key, at) => [key.id, 'old new team escrow'.split(' ')[at]]),
)

const cases = [
  // in the envelope, known, others dropped, after, why
  [[old], [], false, 'new', 'the new key takes the place of the old one'],
  [[team, old, escrow], [team, escrow], false, 'team new escrow', 'others stay, in their order'],
  [[old, next], [], false, 'new', 'the new key was there already: the old one is taken out'],
  [[next, old, team], [team], false, 'new team', 'nobody is there twice'],
  [[old, team], [], false, 'unknown-holder', 'of another only the id is known'],
  [[old, team, escrow], [], true, 'new', 'others are left out when that is asked for'],
  [[old, team], [team], true, 'new', 'known others, too'],
] as const

test.for(cases)('%#: %s', ([before, known, dropOthers, expected]) => {
  const publicKeys = new Map(known.map((key) => [key.id, key.publicKey]))
  const change = changeOf(old, next, { known: publicKeys, dropOthers })
  const after = holdersAfter(
    before.map(({ id }) => id),
    change,
  )
  if ('outcome' in after) {
    expect(after).toMatchObject({ outcome: 'left', reason: expected })
    return
  }
  const keys = [old, next, team, escrow]
  const ids = after.map((publicKey) => keys.find((key) => key.publicKey === publicKey)?.id ?? '')
  expect(ids.map((id) => names.get(id)).join(' ')).toBe(expected)
})
