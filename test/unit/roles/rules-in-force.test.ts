/** The rules that were in force are taken where a process died and the files are broken, and nowhere else. */
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { stringify } from 'yaml'
import { loadConfig } from '../../../src/config/load.ts'
import type { Config } from '../../../src/config/options.ts'
import { UserError } from '../../../src/errors.ts'
import { log } from '../../../src/log.ts'
import { rulesAtStart } from '../../../src/roles/rules-in-force.ts'
import { scratch } from '../spool/support.ts'

log.level = 'silent'

const set = (Name: string) => ({
  Metadata: { Name },
  Rules: [{ Name: 'app', Enabled: true, Actions: [{ WebhookAction: { Endpoint: 'app' } }] }],
})
const filter = { Name: 'bad', IpFilter: { Policy: 'Block', Cidr: '192.0.2.0/24' } }
const webhooks = { app: { url: 'https://app.example.test/', secret: `whsec_${'A'.repeat(43)}=` } }
const settings = {
  rules: { dir: './rules', active: 'default', shadow: 'next' },
  resources: { webhooks },
}

type Place = { readonly directory: string; readonly dataDir: string; readonly kept: string }

function configAt(directory: string, written: object = settings): Config {
  const file = join(directory, 'postern.yaml')
  writeFileSync(file, stringify(written), { mode: 0o600 })
  return loadConfig({ file, env: {}, cwd: directory })
}

/** A directory in which a first start has found good rules, and the files are broken since. */
function brokenSince(): Place {
  const directory = scratch()
  const dataDir = join(directory, 'data')
  mkdirSync(join(directory, 'rules'))
  mkdirSync(dataDir)
  const write = (name: string, content: unknown): void =>
    writeFileSync(join(directory, 'rules', `${name}.yaml`), stringify(content))
  write('default', set('default'))
  write('next', set('next'))
  write('filters', { Filters: [filter] })
  expect(rulesAtStart(configAt(directory), false).problems).toEqual([])
  writeFileSync(join(directory, 'rules/default.yaml'), 'Rules: [')
  return { directory, dataDir, kept: join(dataDir, 'rules-in-force.json') }
}

test('after a death all of them are taken: the rule set, its shadow, the filters; and what is wrong is told', () => {
  const { directory, dataDir, kept } = brokenSince()
  expect(readdirSync(dataDir)).toEqual(['rules-in-force.json'])
  expect(statSync(kept).mode & 0o777).toBe(0o600)
  const { ruleSet, shadow, filters, problems } = rulesAtStart(configAt(directory), true)
  expect([ruleSet.Metadata.Name, shadow?.Metadata.Name]).toEqual(['default', 'next'])
  expect(ruleSet.Rules[0]).toMatchObject(set('default').Rules[0] ?? {})
  expect(filters).toEqual([filter])
  expect(problems[0]).toMatch(/default\.yaml:1:/)
})

describe('the broken file is refused', () => {
  const cases = [
    // what is done before, whether it died, the configuration, why
    [() => {}, false, settings, 'it is a first start'],
    [({ kept }: Place) => writeFileSync(kept, ''), true, settings, 'what is kept was cut short'],
    [
      ({ kept }: Place) =>
        writeFileSync(kept, readFileSync(kept, 'utf8').replaceAll('Enabled', 'Enable')),
      true,
      settings,
      'what is kept is no rule set',
    ],
    [
      ({ kept }: Place) =>
        writeFileSync(kept, readFileSync(kept, 'utf8').replace('192.0.2.0/24', '192.0.2.0/99')),
      true,
      settings,
      'a filter of what is kept is none',
    ],
    [() => {}, true, { rules: settings.rules }, 'nobody maps its webhook any more'],
    [
      () => {},
      true,
      { ...settings, rules: { dir: './rules', active: 'default' } },
      'the configuration asks for other rule sets by now',
    ],
  ] as const

  test.for(cases)('when $3', ([before, again, written]) => {
    const place = brokenSince()
    before(place)
    expect(() => rulesAtStart(configAt(place.directory, written), again)).toThrow(UserError)
  })
})
