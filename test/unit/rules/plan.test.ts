/** The facts that rules get of a message: what was not looked at is not known, rather than absent. */
import { expect, test } from 'vitest'
import { limits } from '../../../src/mail/mime.ts'
import { factsOf } from '../../../src/rules/plan.ts'

const envelope = {
  remoteIp: '192.0.2.1',
  remotePort: 25,
  helo: 'a.test',
  reversePath: 'ann@a.test',
  recipients: ['bob@b.test'],
  protocol: 'ESMTP',
}

function captured(names: readonly string[]) {
  const header = Buffer.from(
    'MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n',
  )
  const parts = names.map(
    (name) =>
      `--b\r\nContent-Type: application/x\r\nContent-Disposition: attachment; filename=${name}\r\n\r\nx\r\n`,
  )
  const octets = Buffer.concat([header, Buffer.from(`${parts.join('')}--b--\r\n`)])
  return {
    size: octets.length,
    header,
    async *read() {
      yield octets
    },
  }
}

const many = (count: number) => Array.from({ length: count }, (_, index) => `${index}.pdf`)

const cases = [
  // file names, what is known, why
  [['a.exe'], ['a.exe'], 'every attachment is told'],
  [many(limits.attachments), many(limits.attachments), 'as many as are looked at'],
  [[...many(limits.attachments), 'a.exe'], undefined, 'one more could be what a rule asks about'],
] as const

test.for(cases)('of %j attachments %j are known: %s', async ([names, known]) => {
  const facts = await factsOf(envelope, captured(names), undefined, true)
  expect(facts.attachments?.map(({ name }) => name)).toEqual(known)
})
