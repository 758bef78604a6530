/** The library as other programs get it, on every runtime it is for: each sees what Node 24 sees from the sources. */
import { readFileSync } from 'node:fs'
import { rm, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, test } from 'vitest'
import { formatSecretKey } from '../../../src/seal/keys.ts'
import { dirStore } from '../../../src/store/dir.ts'
import { newConsumer, root } from '../../support/consumer.ts'
import { type Job, type Outcome, outcomeOf } from '../../support/reader.ts'
import { DENO_FLAGS, DENO_S3_FLAGS, outcomesOn, runtimes } from '../../support/runtimes.ts'
import { envelopeJobs, s3ecJobs } from '../../support/vector-jobs.ts'
import { idOf, judged, key, storeMessage } from './support.ts'

const vectors = [...envelopeJobs(), ...s3ecJobs()]

let consumer: string
let jobs: Job[]
let expected: Outcome[]

beforeAll(async () => {
  consumer = await newConsumer()
  jobs = [...vectors.map(({ job }) => job), await directoryJob()]
  expected = []
  for (const job of jobs) expected.push(await outcomeOf(job))
})

afterAll(() => rm(consumer, { recursive: true }))

async function directoryJob(): Promise<Job> {
  const path = join(consumer, 'store')
  const store = dirStore(path)
  await storeMessage(store, 'Subject: one\r\n\r\nshort\r\n', { id: idOf(1), verdicts: judged })
  const long = `Subject: two\r\n\r\n${'All work and no play.\r\n'.repeat(20_000)}`
  await storeMessage(store, long, { id: idOf(2), prefix: 'sales/' })
  const keyFile = join(consumer, 'main.key')
  await writeFile(keyFile, formatSecretKey(key.secretKey), { mode: 0o600 })
  return { kind: 'directory', path, keyFile }
}

test('the jobs are what they should be: every vector opens or is refused as it says, both messages are read', () => {
  for (const [index, { name, sha256 }] of vectors.entries()) {
    const outcome = expected[index]
    if (sha256 === undefined) expect(outcome, name).not.toHaveProperty('seen')
    else expect(outcome, name).toMatchObject({ seen: [{ sha256 }] })
  }
  const subjects = [{ subject: 'one' }, { subject: 'two' }]
  expect(expected.at(-1)).toMatchObject({ seen: subjects })
})

test('docs/sdk.md names the versions, and what Deno has to be allowed', () => {
  const page = readFileSync(join(root, 'docs/sdk.md'), 'utf8')
  for (const { name, version } of runtimes) expect(page).toContain(`${name} ${version}`)
  for (const flags of [DENO_FLAGS, DENO_S3_FLAGS])
    expect(page.replaceAll("'", '')).toContain(flags.join(' '))
})

describe('the built library gives the same', () => {
  test('in the Node of these tests', async () => {
    const here = { program: process.execPath, args: [] }
    expect(await outcomesOn(here, consumer, jobs)).toEqual(expected)
  })

  for (const each of runtimes) {
    const { name, version, program } = each
    const none = program === undefined ? ' (npm has none for this machine)' : ''
    test.skipIf(none !== '')(`in ${name} ${version}${none}`, async () => {
      const outcomes = await outcomesOn(each, consumer, jobs)
      const lacking = vectors.flatMap(({ cipher }, index) =>
        cipher !== undefined && cipher === each.lacks ? [index] : [],
      )
      for (const index of lacking) {
        expect(outcomes[index]).toMatchObject({ reason: 'unsupported-format' })
        outcomes[index] = expected[index] as Outcome
      }
      expect(outcomes).toEqual(expected)
    })
  }
})
