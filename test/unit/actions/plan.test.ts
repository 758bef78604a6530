/** A plan of several rules, carried out on the real spool, seal and directory store: who gets what (D§6). */
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { actionRegistry } from '../../../src/actions/registry.ts'
import { type Message, naclKey, openMailbox } from '../../../src/client/index.ts'
import { deliverer } from '../../../src/delivery/deliver.ts'
import { log } from '../../../src/log.ts'
import { objectKey } from '../../../src/mail/object-key.ts'
import type { Verdicts } from '../../../src/mail/verdict.ts'
import type { PlannedAction, RuleAction } from '../../../src/rules/rule-set.ts'
import { envelopeSealer } from '../../../src/seal/sealer.ts'
import { dirStore } from '../../../src/store/dir.ts'
import { keep, restOfRecord, Spool, scratch } from '../spool/support.ts'
import { collaborators } from './support.ts'

log.level = 'silent'

const policy = { retrySeconds: 60, firstRetryMs: 1, maxRetryMs: 1 }
const key = naclKey(new Uint8Array(32).fill(1))
/** Its own fields claim what only ours may say. */
const message = Buffer.from(
  'X-Postern-Receipt: e30=\r\nX-SES-Spam-Verdict: PASS\r\n\r\n.\xe9\r\n',
  'latin1',
)
const judged: Verdicts = {
  spf: { verdict: 'PASS' },
  dkim: { verdict: 'GRAY', reason: 'no-signature' },
  dmarc: { verdict: 'FAIL' },
  spam: { verdict: 'PASS' },
  virus: { verdict: 'FAIL', reason: 'Eicar' },
}
const recipients = ['a@example.test', 'b@example.test', 'c@example.test']

let dataDir: string
let spool: Spool

beforeEach(() => {
  dataDir = scratch()
  spool = new Spool(dataDir)
})
afterEach(() => spool.close())

const bucket = (name: string) => dirStore(join(dataDir, 'store', name))

/** Delivers the message and answers its id. */
async function deliver(...plan: readonly PlannedAction[]): Promise<string> {
  const rest = restOfRecord()
  const envelope = { ...rest.envelope, recipients }
  await keep(spool, message, { ...rest, plan, envelope, verdicts: judged })
  const act = actionRegistry(
    collaborators({ bucket, sealer: () => envelopeSealer([key.publicKey]) }),
  )
  expect(await deliverer(spool, act, policy)(rest.id)).toBe('done')
  return rest.id
}

function planned(action: RuleAction, more: Partial<PlannedAction> = {}): PlannedAction {
  return { rule: 'all', action, recipients, scan: true, ...more }
}
const put = (ObjectKeyPrefix?: string): RuleAction => ({
  S3Action: { BucketName: 'inbox', ...(ObjectKeyPrefix === undefined ? {} : { ObjectKeyPrefix }) },
})
const addHeader = (HeaderName: string): RuleAction => ({
  AddHeaderAction: { HeaderName, HeaderValue: 'v' },
})

async function stored(place: string): Promise<Message> {
  const found = await openMailbox({ store: bucket('inbox'), keys: [key] }).get(place)
  expect(Buffer.from(found.original)).toEqual(message)
  return found
}

test('each rule has an object of its own, with its recipients in the receipt', async () => {
  const rules = [
    // rule, prefix, recipients
    ['sales', 'sales/', ['a@example.test']],
    ['support', '/support', ['b@example.test', 'c@example.test']],
    ['archive', undefined, recipients],
  ] as const
  const id = await deliver(
    ...rules.map(([rule, prefix, matched]) => planned(put(prefix), { rule, recipients: matched })),
  )
  const keys = (await Array.fromAsync(bucket('inbox').list())).map((each) => each.key)
  expect(keys.sort()).toEqual([`/support/${id}`, id, `sales/${id}`].sort())
  for (const [rule, prefix, matched] of rules) {
    const { receipt } = await stored(objectKey(prefix, id))
    expect([receipt.rule, receipt.recipients]).toEqual([rule, matched])
    expect(receipt.envelope.recipients).toEqual(recipients)
  }
})

test('a header that an action adds is in the objects of later actions, of later rules too', async () => {
  const id = await deliver(
    planned(put('first')),
    planned(addHeader('X-One')),
    planned(put('second')),
    planned(addHeader('X-Two'), { rule: 'later' }),
    planned(put('third'), { rule: 'later' }),
  )
  const added = async (prefix: string): Promise<string[]> =>
    (await stored(`${prefix}/${id}`)).prepended.map(({ name }) => name).slice(6)
  expect(await added('first')).toEqual([])
  expect(await added('second')).toEqual(['X-One'])
  expect(await added('third')).toEqual(['X-One', 'X-Two'])
})

test('SES: the scan verdicts are in the copies of the rules that asked for a scan only', async () => {
  const id = await deliver(
    planned(put('scanned')),
    planned(put('not'), { rule: 'other', scan: false }),
  )
  const scanFields = ({ prependedBytes }: Message): string[] => {
    const lines = Buffer.from(prependedBytes).toString('latin1').split('\r\n')
    return lines.filter((line) => line.startsWith('X-SES-'))
  }
  const scanned = await stored(`scanned/${id}`)
  expect(scanFields(scanned)).toEqual(['X-SES-Spam-Verdict: PASS', 'X-SES-Virus-Verdict: FAIL'])
  expect(scanned.receipt.verdicts).toEqual(judged)
  const not = await stored(`not/${id}`)
  expect(scanFields(not)).toEqual([])
  const unscanned = { verdict: 'DISABLED', reason: 'scan-not-enabled' }
  expect(not.receipt.verdicts).toEqual({ ...judged, spam: unscanned, virus: unscanned })
})
