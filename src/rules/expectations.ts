/** One test of a rule set: what is given, as the server would see it, and how what comes differs. Pure. */
import { describeStep } from './describe.ts'
import type { Test } from './expectations-schema.ts'
import type { Forecast, Given, GivenMessage } from './forecast.ts'
import { messageFrom } from './given-message.ts'
import { verdictsFrom } from './given-verdicts.ts'
import type { RuleTrace } from './trace.ts'

/** `octets`: of the file that `message` names. */
export async function givenOf({ given }: Test, octets: Buffer | undefined): Promise<Given> {
  const { to, from, helo, ip, tls, verdicts } = given
  const message = await messageOf(given, octets)
  return {
    recipients: to,
    session: {
      tls: tls ?? false,
      ...(from === undefined ? {} : { reversePath: from }),
      ...(helo === undefined ? {} : { helo }),
      ...(ip === undefined ? {} : { remoteIp: ip }),
    },
    ...(verdicts === undefined ? {} : { verdicts: verdictsFrom(verdicts) }),
    ...(message === undefined ? {} : { message }),
  }
}

/** Where there is no file, a message of what is given and nothing else; none where nothing of it is. */
async function messageOf(
  { headers = {}, size, attachments, ...rest }: Test['given'],
  octets: Buffer | undefined,
): Promise<GivenMessage | undefined> {
  const names = new Set(Object.keys(headers).map((name) => name.toLowerCase()))
  const nothing = names.size === 0 && size === undefined && attachments === undefined
  if (nothing && octets === undefined && rest.verdicts === undefined) return undefined
  const own = Object.entries(headers).flatMap(([name, value]) =>
    [value].flat().map((each) => ({ name, value: each })),
  )
  const made = own.map(({ name, value }) => `${name}: ${value}\r\n`).join('')
  const message = await messageFrom(octets ?? Buffer.from(`${made}\r\n`))
  const others = (message.fields?.() ?? []).filter(({ name }) => !names.has(name.toLowerCase()))
  return {
    ...message,
    size: size ?? message.size,
    fields: () => [...own, ...others],
    // Fields alone could be read as those of a message with parts.
    ...(octets === undefined ? { attachments: [] } : {}),
    ...(attachments === undefined ? {} : { attachments }),
  }
}

export type Difference = {
  /** Which expectation, from the test on. */
  readonly path: readonly (string | number)[]
  /** `expected …, got …`. */
  readonly text: string
  /** The rules that may say why. */
  readonly rules: readonly RuleTrace[]
}

/** None: the test holds. Only what is written is compared. */
export function differences({ expect }: Test, told: Forecast): Difference[] {
  const { disposition, reply, rules, plan, unmatched } = expect
  const matched = told.rules.filter((rule) => rule.matched).map(({ name }) => name)
  const asked = told.rules.filter(({ why }) => why !== 'no recipient matches' && why !== 'disabled')
  const found: (Difference | undefined)[] = [
    disposition === undefined || disposition === told.disposition
      ? undefined
      : differs(['disposition'], `disposition ${disposition}`, told.disposition, asked),
    reply === undefined || told.reply?.startsWith(reply)
      ? undefined
      : differs(['reply'], `reply ${JSON.stringify(reply)}`, replyOf(told), asked),
    rules === undefined || same(rules, matched)
      ? undefined
      : differs(
          ['rules'],
          `rules ${list(rules)}`,
          list(matched),
          told.rules.filter(({ name }) => rules.includes(name) !== matched.includes(name)),
        ),
    plan === undefined ? undefined : planDiffers(plan, told, asked),
    unmatched === undefined || same(unmatched, told.unmatched)
      ? undefined
      : differs(['unmatched'], `unmatched ${list(unmatched)}`, list(told.unmatched), asked),
  ]
  return found.filter((each) => each !== undefined)
}

function planDiffers(
  wanted: NonNullable<Test['expect']['plan']>,
  { plan, rules }: Forecast,
  asked: readonly RuleTrace[],
): Difference | undefined {
  const steps = plan.map((step) => ({ ...describeStep(step), recipients: step.recipients }))
  const about = (names: readonly (string | undefined)[]) =>
    rules.filter(({ name }) => names.includes(name))
  for (const [index, step] of wanted.entries()) {
    const got = steps[index]
    const asWritten = got && { ...step, ...pick(got, step) }
    if (got === undefined || JSON.stringify(asWritten) !== JSON.stringify(step)) {
      const path = ['plan', index]
      const other = got === undefined ? 'no such step' : spell(asWritten ?? {})
      const why = step.rule === undefined ? asked : about([step.rule, got?.rule])
      return differs(path, `step ${index + 1} ${spell(step)}`, other, why)
    }
  }
  const more = steps[wanted.length]
  if (more === undefined) return undefined
  const count = `${wanted.length} ${wanted.length === 1 ? 'step' : 'steps'}`
  return differs(['plan'], count, `${steps.length}, then ${spell(more)}`, about([more.rule]))
}

/** What the test writes about a step, as it is. */
function pick<Step extends object>(step: Step, written: object): Partial<Step> {
  return Object.fromEntries(
    Object.entries(step).filter(([key]) => Object.hasOwn(written, key)),
  ) as Partial<Step>
}

function differs(
  path: Difference['path'],
  wanted: string,
  got: string,
  rules: readonly RuleTrace[],
): Difference {
  return { path: ['expect', ...path], text: `expected ${wanted}, got ${got}`, rules }
}

function replyOf({ reply, depends = [] }: Forecast): string {
  return reply === undefined ? `none: it depends on ${depends.join(', ')}` : JSON.stringify(reply)
}

function same(one: readonly string[], other: readonly string[]): boolean {
  return JSON.stringify(one) === JSON.stringify(other)
}

function list(names: readonly string[]): string {
  return names.length === 0 ? 'none' : names.join(', ')
}

function spell(step: object): string {
  return Object.entries(step)
    .map(([key, value]) => `${key} ${[value].flat().join(', ')}`)
    .join(', ')
}
