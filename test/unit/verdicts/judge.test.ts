/** The checks together: every message gets every verdict, and no engine can hold it or pass it by failing. */
import { expect, test, vi } from 'vitest'
import type { CapturedMessage } from '../../../src/mail/captured.ts'
import type { Envelope } from '../../../src/mail/envelope.ts'
import type { Authentication, Judgement } from '../../../src/mail/verdict.ts'
import { type Check, judge } from '../../../src/verdicts/judge.ts'

const message: CapturedMessage = {
  size: 0,
  header: Buffer.alloc(0),
  async *read() {},
}
const envelope: Envelope = {
  remoteIp: '192.0.2.1',
  helo: 'client.test',
  reversePath: 'a@b.test',
  recipients: ['you@example.test'],
  protocol: 'ESMTP',
}
const pass: Judgement = { verdict: 'PASS', engine: 'stand-in' }
const authenticated: Authentication = { spf: pass, dkim: pass, dmarc: pass }
const says =
  <Result>(result: Result): Check<Result> =>
  async () =>
    result
const hangs: Check<never> = () => new Promise(() => {})
const throws: Check<never> = () => {
  throw new Error('a bug')
}
const rejects: Check<never> = () => Promise.reject(new Error('a bug'))
const options = () => ({ timeoutMs: 60, scan: true, signal: new AbortController().signal })

test('all verdicts are those of the checks', async () => {
  const checks = { authenticate: says(authenticated), virus: says(pass), spam: says(pass) }
  expect(await judge(message, envelope, checks, options())).toEqual({
    ...authenticated,
    virus: pass,
    spam: pass,
  })
})

const failures = [
  ['hangs', hangs, 'timeout'],
  ['throws', throws, 'check-failed'],
  ['rejects', rejects, 'check-failed'],
] as const

test.for(failures)(
  'a check that %s is PROCESSING_FAILED, the others stand',
  async ([, bad, reason]) => {
    const failed = { verdict: 'PROCESSING_FAILED', reason }
    const good = { authenticate: says(authenticated), virus: says(pass), spam: says(pass) }
    expect(await judge(message, envelope, { ...good, virus: bad }, options())).toEqual({
      ...authenticated,
      virus: failed,
      spam: pass,
    })
    expect(await judge(message, envelope, { ...good, spam: bad }, options())).toEqual({
      ...authenticated,
      virus: pass,
      spam: failed,
    })
    expect(await judge(message, envelope, { ...good, authenticate: bad }, options())).toEqual({
      spf: failed,
      dkim: failed,
      dmarc: failed,
      virus: pass,
      spam: pass,
    })
  },
)

test('at the deadline a check may still say what it knows', async () => {
  const partial: Judgement = { verdict: 'PROCESSING_FAILED', reason: 'half-done' }
  const told: Check<Judgement> = (_message, _envelope, signal) =>
    new Promise((resolve) => signal.addEventListener('abort', () => resolve(partial)))
  const checks = { authenticate: says(authenticated), virus: told, spam: hangs }
  const { virus, spam } = await judge(message, envelope, checks, options())
  expect(virus).toEqual(partial)
  expect(spam.reason).toBe('timeout')
})

test('a client that leaves ends the checks', async () => {
  const left = new AbortController()
  const virus = vi.fn<Check<Judgement>>(
    (_message, _envelope, signal) =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () =>
          resolve({ verdict: 'PROCESSING_FAILED', reason: 'timeout' }),
        ),
      ),
  )
  const verdicts = judge(
    message,
    envelope,
    { authenticate: says(authenticated), virus },
    { timeoutMs: 3_600_000, scan: true, signal: left.signal },
  )
  left.abort()
  expect((await verdicts).virus.verdict).toBe('PROCESSING_FAILED')
})

test('without ScanEnabled spam and virus are DISABLED and not asked (SES)', async () => {
  const never = vi.fn(says(pass))
  const checks = { authenticate: says(authenticated), virus: never, spam: never }
  const { virus, spam, spf } = await judge(message, envelope, checks, {
    ...options(),
    scan: false,
  })
  expect([virus, spam]).toEqual([
    { verdict: 'DISABLED', reason: 'scan-not-enabled' },
    { verdict: 'DISABLED', reason: 'scan-not-enabled' },
  ])
  expect(spf.verdict).toBe('PASS')
  expect(never).not.toHaveBeenCalled()
})

test('an engine that is switched off is DISABLED, never PASS', async () => {
  const { virus, spam } = await judge(
    message,
    envelope,
    { authenticate: says(authenticated) },
    options(),
  )
  expect(virus).toEqual({ verdict: 'DISABLED', reason: 'virus-off' })
  expect(spam).toEqual({ verdict: 'DISABLED', reason: 'spam-off' })
})
