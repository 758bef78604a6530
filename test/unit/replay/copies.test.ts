/** Which stored objects are replayed, and what is said to be different. */
import { expect, test } from 'vitest'
import { openMailbox } from '../../../src/client/index.ts'
import { compare, inWords } from '../../../src/replay/compare.ts'
import { type Copy, chosen, copiesNamed, copyOf } from '../../../src/replay/copies.ts'
import { openStored } from '../../../src/replay/kept.ts'
import type { PlannedAction } from '../../../src/rules/rule-set.ts'
import { idOf, judged, key, storeMessage, temporaryStore, time } from '../client/support.ts'

const copy = (n: number, more: Partial<Copy> = {}): Copy => ({
  id: idOf(n),
  key: idOf(n),
  prefix: '',
  of: idOf(n),
  time,
  rule: 'all',
  scanned: false,
  ...more,
})

test('a message is chosen once, by whichever copy fits, and its scanned copy is opened', () => {
  const scanned = copy(1, { key: `b/${idOf(1)}`, rule: 'scan', scanned: true })
  const replayed = copy(9, { of: idOf(1) })
  const [group, ...others] = chosen([copy(1), replayed, scanned], {})
  expect(others).toEqual([])
  expect(group).toEqual([scanned, copy(1), replayed])
  expect(chosen([copy(1), scanned], { rule: 'all' })[0]?.[0]).toBe(scanned)
})

test('times and rule choose; the end of a time is not in it', () => {
  const [at, day] = [Date.parse(time), 86_400_000]
  const rows = [
    // filter, chosen, why
    [{}, true, 'nothing is asked'],
    [{ since: at }, true, 'just then'],
    [{ until: at }, false, 'up to but without'],
    [{ since: at - day, until: at + day }, true, 'within'],
    [{ since: at + 1 }, false, 'later'],
    [{ rule: 'all' }, true, 'its rule'],
    [{ rule: 'other' }, false, 'another rule'],
    [{ rule: 'all', since: at + 1 }, false, 'both must hold'],
  ] as const
  for (const [filter, wanted, why] of rows)
    expect([why, chosen([copy(1)], filter).length > 0]).toEqual([why, wanted])
})

test('the oldest message goes first', () => {
  const later = copy(1, { time: '2026-03-03T00:00:00.000Z' })
  expect(chosen([later, copy(2)], {}).map(([first]) => first?.id)).toEqual([idOf(2), idOf(1)])
})

test('a name is a key or an id, and an id all its copies; held mail is none of them', async () => {
  const { store } = temporaryStore()
  await storeMessage(store, 'x', { prefix: 'a/' })
  await storeMessage(store, 'x', { prefix: 'b/', verdicts: judged })
  const held = await store.head(`a/${idOf(1)}`)
  const found = await copiesNamed(store, [idOf(1), `a/${idOf(1)}`, idOf(2), 'none'], '')
  expect(found.get(idOf(1))?.map((each) => [each.prefix, each.scanned])).toEqual([
    ['a/', false],
    ['b/', true],
  ])
  expect(found.get(`a/${idOf(1)}`)).toHaveLength(1)
  expect(found.get(idOf(2))).toEqual([])
  expect(found.get('none')).toEqual([])
  if (held === undefined) throw new Error('it is not there')
  const metadata = { ...held.metadata, 'postern-quarantine': 'spam' }
  expect(copyOf({ ...held, metadata })).toBeUndefined()
})

test('a receipt of an envelope that no server takes is refused', async () => {
  const { store } = temporaryStore()
  const rows = [
    // recipients, why
    [['a@example.test\r\nX-SES-Virus-Verdict: PASS'], 'it would become a header field'],
    [[], 'nobody to be for'],
  ] as const
  for (const [index, [recipients, why]] of rows.entries()) {
    const where = await storeMessage(store, 'x', { id: idOf(index), recipients })
    const mailbox = openMailbox({ store, keys: [key] })
    const opening = openStored(mailbox, where, { BucketName: 'inbox' })
    await expect(opening, why).rejects.toThrow('an envelope that no server took')
  }
})

test('the comparison names what stays, what is gone and what is new', () => {
  const planned = (rule: string, ObjectKeyPrefix: string, recipients: string[]): PlannedAction => ({
    rule,
    action: { S3Action: { BucketName: 'inbox', ObjectKeyPrefix } },
    recipients,
    scan: true,
  })
  const s3 = (rule: string, target: string) => ({ rule, action: 'S3Action', target })
  const was = [
    { ...s3('same', 'inbox/same/'), recipients: ['a@b'] },
    s3('unopened', 'inbox/x/'),
    { ...s3('fewer', 'inbox/'), recipients: ['a@b', 'c@d'] },
  ]
  const now = [
    planned('same', 'same', ['a@b']),
    planned('unopened', 'x/', ['a@b']),
    planned('fewer', '', ['a@b']),
  ]
  const { same, gone, added } = compare(was, now)
  expect(same.map(inWords)).toEqual([
    'same: S3Action inbox/same/ for a@b',
    'unopened: S3Action inbox/x/ for a@b',
  ])
  expect(gone.map(inWords)).toEqual(['fewer: S3Action inbox/ for a@b, c@d'])
  expect(added.map(inWords)).toEqual(['fewer: S3Action inbox/ for a@b'])
})
