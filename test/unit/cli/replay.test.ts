/** `postern replay` and `postern quarantine`: what they choose and tell; test/e2e/replay.test.ts has them done. */
import { existsSync } from 'node:fs'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { quarantineAction } from '../../../src/actions/quarantine.ts'
import { messageWriter } from '../../../src/actions/store.ts'
import { describeError } from '../../../src/errors.ts'
import { formatSecretKey } from '../../../src/seal/keys.ts'
import { envelopeSealer } from '../../../src/seal/sealer.ts'
import { dirStore } from '../../../src/store/dir.ts'
import { idOf, judged, key, otherKey, pieces, storeMessage } from '../client/support.ts'
import { keep, restOfRecord, Spool } from '../spool/support.ts'
import { type Home, jsonOf, newHome } from './support.ts'

const rules = (prefix: string) => `
Metadata: { Name: default }
Rules:
  - Name: store-everything
    Enabled: true
    Recipients: [example.test]
    Actions: [{ S3Action: { BucketName: inbox, ObjectKeyPrefix: ${prefix} } }]
`

function homeWithKey(): Home {
  const home = newHome('rules: { dir: ./rules }\n')
  home.write('rules/default.yaml', rules('new/'))
  home.write('data/keys/main.key', formatSecretKey(key.secretKey))
  return home
}

/** The messages that would be replayed, oldest first. */
async function replayable(home: Home, ...args: string[]): Promise<unknown[]> {
  const ran = await home.run('replay', '--dry-run', '--json', ...args)
  expect(ran.error).toBeUndefined()
  return jsonOf(ran).map(({ id }) => id)
}

/** Holds a message as the action does. */
async function hold(home: Home, rule: string, recipients: readonly string[]): Promise<string> {
  const { plan: _, ...rest } = restOfRecord(idOf(7))
  const sums = {
    size: 1,
    sha256: '2d711642b726b04401627ca9fbac32f5c8530fb1903cc4db02258717921a4881',
  }
  const bucket = (name: string) => dirStore(home.bucket(name))
  const write = messageWriter({
    hostname: 'mx.example.test',
    bucket,
    sealer: () => envelopeSealer([key.publicKey]),
  })
  const act = quarantineAction(write, { bucket: 'quarantine', prefix: 'quarantine/' })
  await act({
    record: { ...rest, ...sums },
    planned: { rule, action: { QuarantineAction: { Reason: 'why' } }, recipients, scan: true },
    added: [],
    noticeId: 'n',
    message: () => pieces(Buffer.from('x'), 1),
  })
  return rest.id
}

test('what goes wrong is one sentence, before anything is done', async () => {
  const home = homeWithKey()
  await storeMessage(dirStore(home.bucket('inbox')), 'x')
  const rows = [
    // arguments, what is said, why
    [['replay'], 'Name the messages to replay, or choose them with', 'nothing is named'],
    [['replay', '\u001b[2J'], 'There is no message \\x1b[2J', 'a terminal would obey it'],
    [['replay', idOf(1), idOf(2)], `There is no message ${idOf(2)}`, 'one is known, one is not'],
    [['replay', idOf(1), '--from-dead'], `${idOf(1)} is no dead letter`, 'it is stored'],
    [['replay', idOf(1), '--rule-set', 'none'], 'none', 'no such rule set'],
    [['replay', '--since', 'yesterday'], 'A time as 2026-03-01', 'no time'],
    [['replay', '--since', '2026-13-01'], 'A time as 2026-03-01', 'no such month'],
    [['replay', '--from-dead', '--from-queue'], 'cannot be used with', 'one or the other'],
    [['quarantine', 'release', idOf(1)], `${idOf(1)} is not held: postern`, 'it is stored'],
    [['quarantine', 'release', '../x'], '../x is not a message id', 'it would lead elsewhere'],
    [['quarantine', 'delete', idOf(1), '--rule', '\u001b'], 'by rule \\x1b', 'no such rule'],
  ] as const
  for (const [args, said, why] of rows) {
    const { error, out } = await home.run(...args)
    expect([why, out.toString()]).toEqual([why, ''])
    expect(describeError(error), why).toContain(said)
  }
})

test('a dry run tells what would be done and writes nothing', async () => {
  const home = homeWithKey()
  await storeMessage(dirStore(home.bucket('inbox')), 'x', { prefix: 'old', verdicts: judged })
  const { out, err } = await home.run('replay', `old/${idOf(1)}`, '--dry-run')
  expect(out.toString().split('\n')).toEqual([
    expect.stringMatching(`^${idOf(1)}: would be replayed, received 2026-03-02T09:15:27.123Z`),
    '  - store-everything: S3Action inbox/old/ for sales@example.test',
    '  + store-everything: S3Action inbox/new/ for sales@example.test',
    '',
  ])
  expect(err).toBe('postern: nothing was done: without --dry-run it is\n')
  const spool = new Spool(join(home.path, 'data'))
  expect(await Array.fromAsync(spool.ids())).toEqual([])
  spool.close()
})

test('options choose among what is stored, and each message once', async () => {
  const home = homeWithKey()
  const inbox = dirStore(home.bucket('inbox'))
  for (const prefix of ['a/', 'b/']) await storeMessage(inbox, 'x', { prefix })
  await storeMessage(inbox, 'x', { id: idOf(2), recipients: ['Bo@example.test'] })
  const rows = [
    // arguments, chosen, why
    [['--rule', 'store-everything'], [1, 2], 'all, one of them stored twice'],
    [['--rule', 'other'], [], 'no such rule'],
    [['--to', 'bo@EXAMPLE.test'], [2], 'the envelope, whatever its case'],
    [['--prefix', 'a/'], [1], 'only there'],
    [['--until', '2026-03-02T09:15'], [], 'before; UTC without a zone'],
    [['--until', '2026-03-02T10:16+01:00'], [1, 2], 'in another zone'],
    [[idOf(1), `b/${idOf(1)}`], [1], 'an id, and the key of one of its copies'],
  ] as const
  for (const [args, chosen, why] of rows)
    expect([why, await replayable(home, ...args)]).toEqual([why, chosen.map(idOf)])
})

test('named and unnamed, from the spool no key is needed', async () => {
  const home = newHome('rules: { dir: ./rules }\n')
  home.write('rules/default.yaml', rules('new/'))
  const spool = new Spool(join(home.path, 'data'))
  const [waiting, dead] = [idOf(3), idOf(4)]
  for (const id of [waiting, dead]) await keep(spool, Buffer.from('x'), restOfRecord(id))
  await spool.bury(dead, { done: [], failures: {}, ends: {} })
  expect(await replayable(home, '--from-dead')).toEqual([dead])
  expect(await replayable(home, '--from-queue', '--rule', 'all')).toEqual([waiting])
  expect(await replayable(home, '--from-queue', '--rule', 'other')).toEqual([])
  expect(await replayable(home, dead, waiting)).toEqual([dead, waiting])
  spool.close()
})

test('a message that does not open is told with its reason, and the others go on', async () => {
  const home = homeWithKey()
  home.write('other.key', formatSecretKey(otherKey.secretKey))
  const inbox = dirStore(home.bucket('inbox'))
  await storeMessage(inbox, 'x')
  await storeMessage(inbox, 'x', { id: idOf(2), plaintext: true })
  const other = join(home.path, 'other.key')
  const args = ['--rule', 'store-everything', '--key', other, '--dry-run', '--json']
  const ran = await home.run('replay', ...args)
  expect(jsonOf(ran)).toMatchObject([
    { id: idOf(1), outcome: 'failed', reason: expect.stringContaining('key') },
    { id: idOf(2), outcome: 'would-replay' },
  ])
  expect(describeError(ran.error)).toBe('1 of 2 messages could not be replayed')
})

test('one message held by two rules is listed twice, and moved only where nothing is lost', async () => {
  const home = homeWithKey()
  const id = await hold(home, 'one', ['a@example.test'])
  await hold(home, 'two', ['b@example.test'])
  const listed = jsonOf(await home.run('quarantine', 'list', '--json'))
  expect(listed).toMatchObject([
    { id, rule: 'one', reason: 'why', key: `quarantine/one/${id}` },
    { id, rule: 'two', reason: 'why', key: `quarantine/two/${id}` },
  ])
  const dry = await home.run('quarantine', 'release', id, '--dry-run', '--json')
  expect(jsonOf(dry)).toMatchObject([
    { plan: [{ recipients: ['a@example.test'] }] },
    { plan: [{ recipients: ['b@example.test'] }] },
  ])
  const moved = await home.run('quarantine', 'release', id, '--to', 'inbox/in')
  expect(moved.out.toString().split('\n')).toEqual([
    `${id}: moved to inbox/in/${id}`,
    `${id}: failed: in/${id} is another rule's copy of it: name another prefix`,
    '',
  ])
  expect(describeError(moved.error)).toBe('1 of 2 held messages could not be moved')
  const at = (rule: string) => existsSync(join(home.bucket('quarantine'), 'quarantine', rule, id))
  expect([at('one'), at('two')]).toEqual([false, true])
  const info = await dirStore(home.bucket('inbox')).head(`in/${id}`)
  expect(info?.metadata).toMatchObject({ 'postern-rule': 'one', 'postern-id': id })
  expect(info?.metadata).not.toHaveProperty('postern-quarantine')

  // A move that was cut short after the copy is finished by the next.
  await home.run('quarantine', 'release', id, '--to', 'inbox/two', '--keep')
  expect(at('two')).toBe(true)
  expect((await home.run('quarantine', 'release', id, '--to', 'inbox/two')).error).toBeUndefined()
  expect(at('two')).toBe(false)
})

test('nothing is deleted without a yes', async () => {
  const home = homeWithKey()
  const id = await hold(home, 'one', ['a@example.test'])
  const { error } = await home.run('quarantine', 'delete', id)
  expect(describeError(error)).toContain('give --yes')
  expect(jsonOf(await home.run('quarantine', 'list', '--json'))).toHaveLength(1)
  await home.run('quarantine', 'delete', id, '--yes')
  const after = await home.run('quarantine', 'list')
  expect(after.out.toString()).toBe('Nothing is held.\n')
})
