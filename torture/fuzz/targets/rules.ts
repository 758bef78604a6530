/** Rule files, their patterns and expressions, IP filters: what an operator, or his script, writes. */

import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { isDeepStrictEqual } from 'node:util'
import { compileFilters } from '../../../src/filters/ip-filter.ts'
import { parseFilters } from '../../../src/filters/load.ts'
import { compile, evaluate, wants } from '../../../src/rules/evaluate.ts'
import type { MessageFacts } from '../../../src/rules/facts.ts'
import { parseRuleSet } from '../../../src/rules/load.ts'
import { patternProblem } from '../../../src/rules/pattern.ts'
import { readPlain } from '../../../src/rules/plain.ts'
import { compilePattern, patternFault } from '../../../src/rules/regular-expression.ts'
import { readDocument } from '../../../src/rules/source.ts'
import { hits, matches } from '../../../test/unit/rules/reference.ts'
import { filesOf, holds, octetsOf, type Target, textOf } from '../target.ts'

const fixtures = join(import.meta.dirname, '../../../test/fixtures/rules')
const valid = filesOf(join(fixtures, 'valid'))
const readAll = (names: readonly string[]) => names.map((name) => readFileSync(name))

const words = [
  ...['Metadata:', 'Name:', 'Rules:', 'Enabled: true', 'ScanEnabled:', 'TlsPolicy: Require'],
  ...[
    'Recipients:',
    'Actions:',
    'Conditions:',
    'Unless:',
    'OnUndecided:',
    'OnFailure: HOLD',
    '\n- ',
    '\n  - ',
  ],
  ...[
    'S3Action:',
    'BucketName:',
    'ObjectKeyPrefix:',
    'StopAction:',
    'Scope: RuleSet',
    'BounceAction:',
  ],
  ...[
    'StringExpression:',
    'Evaluate:',
    'Attribute: SUBJECT',
    'Operator: MATCHES',
    'Values: [a]',
    'Header: x',
  ],
  ...[
    'NumberExpression:',
    'IpExpression:',
    'VerdictExpression:',
    'DmarcExpression:',
    'BooleanExpression:',
  ],
  ...[
    '&a',
    '*a',
    '<<: *a',
    '!!binary ',
    '!!js/function ',
    '---\n',
    '...\n',
    '|\n',
    '>-\n',
    '? ',
    '# ',
    '%YAML 1.2\n',
  ],
  ...[
    '{"',
    '":',
    '","',
    '"}',
    '[{',
    '}]',
    '\\u0000',
    '\\ud800',
    '{ a: ',
    '[ ',
    ' ]',
    ' }',
    'true',
    '1e999',
  ],
]

/** What a hostile message may look like to rules. */
const facts: MessageFacts = {
  recipients: ['you@example.test', '"a b"@x.example.test', '@', 'x@'],
  tls: false,
  reversePath: 'ann@sender.test',
  size: 1,
  remoteIp: '192.0.2.1',
  helo: 'client.test',
  header: [
    { name: 'Subject', value: 'a'.repeat(300) },
    { name: 'From', value: '=?utf-8?q?=00?= <a@b>' },
  ],
} as MessageFacts

function runRules(format: 'json' | 'yaml') {
  return (input: Uint8Array): void => {
    const text = textOf(input)
    const { ruleSet, problems, warnings } = parseRuleSet(text, `a.${format}`, {
      domains: ['example.test'],
    })
    for (const line of [...problems, ...warnings])
      holds(!/[\x00-\x1f\x7f]/.test(line), 'a problem is one line')
    holds((ruleSet === undefined) === problems.length > 0, 'either a rule set or a problem')
    const quick = readPlain(text.replace(/^\ufeff/, ''), format)
    if (quick !== undefined) {
      const library = readDocument(text.replace(/^\ufeff/, ''), format, 100)
      holds(
        library.legible && library.problems.length === 0,
        'the quick reader takes nothing the library refuses',
      )
      holds(isDeepStrictEqual(quick.data, library.data), 'both readers read the same')
    }
    if (ruleSet === undefined) return
    const again = parseRuleSet(JSON.stringify(ruleSet), 'a.json', { domains: ['example.test'] })
    holds(
      isDeepStrictEqual(again.ruleSet, ruleSet),
      'what was read, written and read again is the same',
    )
    const compiled = compile(ruleSet, ['example.test'])
    for (const each of facts.recipients) wants(compiled, each, { tls: false })
    evaluate(compiled, facts)
  }
}

function runFilters(input: Uint8Array): void {
  const { filters, problems } = parseFilters(textOf(input), 'filters.yaml')
  for (const line of problems) holds(!/[\x00-\x1f\x7f]/.test(line), 'a problem is one line')
  holds(problems.length === 0 || filters.length === 0, 'all or nothing')
  const { find } = compileFilters(filters)
  for (const ip of ['192.0.2.1', '2001:db8::1', '::ffff:192.0.2.1']) find(ip)
}

function runPattern(input: Uint8Array): void {
  const [pattern = '', recipient = ''] = textOf(input).split('\n')
  if (patternProblem(pattern) !== undefined) return
  const found = matches(pattern, recipient)
  // The reference is for addresses in plain spelling, and takes for ever where there are many stars.
  if (pattern.split('*').length > 4) return
  if (/^[\x21-\x7e]+$/.test(pattern + recipient) && isPlain(recipient)) {
    holds(found === hits(pattern, recipient), `${pattern} takes ${recipient} as the reference says`)
  }
}

function isPlain(recipient: string): boolean {
  return /^[a-z0-9.+_-]+@([a-z0-9-]+\.)+[a-z0-9-]+$/i.test(recipient)
}

function runExpression(input: Uint8Array): void {
  const text = textOf(input)
  const [pattern = ''] = text.split('\n', 1)
  if (patternFault(pattern) !== undefined) return
  compilePattern(pattern)(text.slice(pattern.length + 1))
}

export const targets: readonly Target[] = [
  {
    name: 'rules-yaml',
    seeds: readAll(valid.filter((name) => /\.ya?ml$/.test(name))),
    tokens: words,
    run: runRules('yaml'),
  },
  {
    name: 'rules-json',
    seeds: readAll(valid.filter((name) => name.endsWith('.json'))),
    tokens: words,
    run: runRules('json'),
  },
  {
    name: 'filters',
    seeds: octetsOf(
      'Filters:\n- Name: a\n  IpFilter: { Policy: Block, Cidr: 192.0.2.0/24 }\n- Name: b\n  IpFilter: { Policy: Allow, Cidr: "2001:db8::/32" }\n',
    ),
    tokens: [
      ...words.slice(0, 4),
      'Filters:',
      'IpFilter:',
      'Policy: Block',
      'Cidr: ',
      '0.0.0.0/0',
      '::/0',
      '::ffff:1.2.3.4/128',
      '/33',
      '%eth0',
    ],
    run: runFilters,
  },
  {
    name: 'pattern',
    seeds: octetsOf(
      'user@example.com\nuser+x@example.com',
      '*.example.com\na@b.example.com',
      'a*b@*.example.com\naxb@c.example.com',
      'bücher.example\nx@xn--bcher-kva.example',
    ),
    tokens: ['*', '.', '@', '+', '"', '\\', 'xn--', 'example.com', 'ß', '%41', '\n'],
    run: runPattern,
    maxBytes: 1024,
  },
  {
    name: 'regular-expression',
    seeds: octetsOf(
      '^(a+)+$\naaaaaaaaaaaaaaaaaaaaaaaaaaaaab',
      '(?i)[[:alpha:]]{2,5}\\pL|x*?\nabc',
      '(a|b|ab)*c\nababab',
    ),
    tokens: [
      '(',
      ')*',
      '+',
      '{1,1000}',
      '[^',
      ']',
      '\\p{Greek}',
      '(?i)',
      '(?P<a>',
      '|',
      '\\1',
      '(?=',
      '.*',
      '$',
      '^',
      '\n',
      '\\Q',
    ],
    run: runExpression,
    maxBytes: 16 * 1024,
  },
]
