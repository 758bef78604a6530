/**
 * What a rule set names at AWS and what it is to be here, as a block for postern.yaml. Pure.
 */
import { stringify } from 'yaml'
import type { Config } from '../config/options.ts'
import { kindOf, type Rule, type RuleAction, type RuleSet } from '../rules/rule-set.ts'

type Section = 'buckets' | 'keys' | 'topics' | 'functions' | 'webhooks' | 'aws'

type Need = { readonly section: Section; readonly name: string; readonly rules: readonly string[] }

/** Each resource once, with the rules that name it, in the order of the set. */
function needsOf(ruleSets: readonly RuleSet[]): Need[] {
  const found = new Map<string, { section: Section; name: string; rules: string[] }>()
  for (const rule of ruleSets.flatMap(({ Rules }) => Rules)) {
    for (const [section, name] of rule.Actions.flatMap(namedBy)) {
      const known = found.get(`${section} ${name}`) ?? { section, name, rules: [] }
      found.set(`${section} ${name}`, known)
      if (known.rules.at(-1) !== rule.Name) known.rules.push(rule.Name)
    }
  }
  return [...found.values()]
}

type Named = readonly [section: Section, name: string]

function namedBy(action: RuleAction): Named[] {
  const spec: Readonly<Record<string, unknown>> = Reflect.get(action, kindOf(action))
  const fields = {
    BucketName: 'buckets',
    KmsKeyArn: 'keys',
    TopicArn: 'topics',
    FunctionArn: 'functions',
    Endpoint: 'webhooks',
    OrganizationArn: 'aws',
    InstanceARN: 'aws',
  } as const
  return Object.entries(fields).flatMap(([field, section]): Named[] => {
    const name = spec[field]
    return typeof name === 'string' ? [[section, name]] : []
  })
}

/** What an entry may look like, and what becomes of a name without one. */
type Proposal = {
  readonly entry: object | string
  readonly otherwise: string
  /** Whether the entry can stand as it is; else it is a comment, to be filled in. */
  readonly ready: boolean
}

function proposal({ section, name }: Need, region: string, key: string): Proposal {
  const secret = 'whsec_…'
  switch (section) {
    case 'buckets': {
      const entry = { type: 's3', bucket: name, region }
      return { entry, ready: true, otherwise: 'without it: in the default store' }
    }
    case 'keys':
      return { entry: key, ready: true, otherwise: 'has to be the name of a key under keys:' }
    case 'topics': {
      const entry = { type: 'webhook', url: 'https://app.example/hooks', secret }
      return { entry, ready: false, otherwise: 'without it: the SNS topic at AWS' }
    }
    case 'functions': {
      const entry = { type: 'http', url: 'https://app.example/function', secret }
      return { entry, ready: false, otherwise: 'without it: the Lambda function at AWS' }
    }
    default: {
      const entry = { url: 'https://app.example/hooks', secret }
      return { entry, ready: false, otherwise: 'has to be mapped' }
    }
  }
}

/**
 * The `resources:` of postern.yaml, ready to paste: what is mapped already, and what a person has to fill
 * in, are comments.
 */
export function resourcesBlock(ruleSets: readonly RuleSet[], { resources, keys }: Config): string {
  const [ownKey = 'main'] = Object.keys(keys)
  const needs = needsOf(ruleSets)
  const region = regionOf(needs) ?? 'us-east-1'
  const sections = (['buckets', 'keys', 'topics', 'functions', 'webhooks'] as const).flatMap(
    (section): string[] => {
      const own = needs.filter((need) => need.section === section)
      if (own.length === 0) return []
      const lines = own.map((need) => {
        const { name, rules } = need
        const key = stringify(name).trim()
        if (Object.hasOwn(resources[section], name)) return `    # ${key} is mapped already`
        const { entry, otherwise, ready } = proposal(need, region, ownKey)
        const comment = `    # ${byRules(rules)}; ${otherwise}`
        return `${comment}\n${ready ? '    ' : '    # '}${key}: ${flow(entry)}`
      })
      const isComment = lines
        .join('\n')
        .split('\n')
        .every((line) => line.startsWith('    #'))
      return [`  ${isComment ? '# ' : ''}${section}:`, ...lines]
    },
  )
  const foreign = needs
    .filter(({ section }) => section === 'aws')
    .map(({ name, rules }) => `# ${name} needs AWS and can not be mapped; ${byRules(rules)}`)
  if (sections.length + foreign.length === 0) return '# The rules name no resources.'
  const isComment = sections
    .join('\n')
    .split('\n')
    .every((line) => line.trim().startsWith('#'))
  const head = sections.length === 0 ? [] : [`${isComment ? '# ' : ''}resources:`]
  return [...head, ...sections, ...foreign].join('\n')
}

function flow(entry: object | string): string {
  if (typeof entry === 'string') return entry
  const spell = (value: string) => (/^[a-z][\w-]*$/.test(value) ? value : JSON.stringify(value))
  const pairs = Object.entries(entry).map(([key, value]) => `${key}: ${spell(value)}`)
  return `{ ${pairs.join(', ')} }`
}

function byRules(rules: readonly Rule['Name'][]): string {
  const shown = rules.slice(0, 3).join(', ')
  const more = rules.length > 3 ? ` and ${rules.length - 3} more` : ''
  return `${rules.length === 1 ? 'rule' : 'rules'} ${shown}${more}`
}

/** Buckets are most likely where the topics, functions and keys are: SES wants most of them there. */
function regionOf(needs: readonly Need[]): string | undefined {
  return needs
    .map(({ name }) => /^arn:[\w-]+:\w+:([a-z0-9-]+):/.exec(name)?.[1])
    .find((region) => region !== undefined)
}
