/** What `postern explain` prints for people: lines of at most 100 columns, harmless on a terminal. Pure. */
import type { FilterMatch } from '../filters/ip-filter.ts'
import { verdictNames } from '../mail/verdict.ts'
import type { Missing } from '../rules/decision.ts'
import { describeStep } from '../rules/describe.ts'
import type { Given, RcptAnswer } from '../rules/forecast.ts'
import type { RuleTrace } from '../rules/trace.ts'
import { printable } from './context.ts'
import type { Explanation, PlanLine } from './explain.ts'

const columns = 100

/** Without a final line break. */
export function explanationText(explanation: Explanation, given: Given): string {
  const { ruleSet, disposition, reply, depends, rcpt, rules, plan, filter } = explanation
  const { remoteIp } = given.session
  const about = messageLines(given)
  const width = Math.max(0, ...rules.map((rule) => rule.name.length))
  const whole = depends === undefined ? disposition : `${disposition} at RCPT`
  return [
    ...(remoteIp === undefined ? [] : section(`Client ${remoteIp}`, [[decision(filter)]])),
    ...(about.length === 0 ? [] : section('Message', [about])),
    ...section(`Rule set ${ruleSet}: ${whole}`, rcpt.map(rcptLine)),
    ...section(
      'Rules',
      rules.map((rule) => ruleLines(rule, width)),
    ),
    ...section(
      depends === undefined ? 'Plan' : 'Plan, unless an undecided condition holds',
      steps(plan, explanation),
    ),
    ...(reply === undefined || !rcpt.some(({ accepted }) => accepted)
      ? []
      : section('At the end of the message', [[`${reply}${tooLarge(reply)}`]])),
    ...(depends === undefined
      ? []
      : section('The rest depends on what is not known', depends.map(remedy))),
  ].join('\n')
}

/** Items of one or more lines; those that are too long go on below, further in. */
function section(title: string, items: readonly (readonly string[])[]): string[] {
  return [printable(title), ...items.flat().flatMap((line) => wrapped(`  ${printable(line)}`))]
}

function wrapped(line: string): string[] {
  if (line.length <= columns) return [line]
  const at = line.lastIndexOf(' ', columns)
  const inside = line.length - line.trimStart().length
  // A word longer than a line stays whole, so that it can be copied.
  const cut = at > inside + 4 ? at : line.indexOf(' ', columns)
  if (cut < 0) return [line]
  return [
    line.slice(0, cut),
    ...wrapped(`${' '.repeat(Math.min(inside + 4, 10))}${line.slice(cut + 1)}`),
  ]
}

function decision(filter: FilterMatch | null | undefined): string {
  if (!filter) return 'no IP filter decides about it; DNS lists are not asked here'
  const { name, policy, cidr } = filter
  return policy === 'Block'
    ? `blocked by the IP filter ${name} (${cidr})`
    : `allowed by the IP filter ${name} (${cidr}), no DNS list counts`
}

function messageLines({ message, verdicts = {} }: Given): string[] {
  const made = verdictNames.flatMap((name) => {
    const verdict = verdicts[name]?.verdict
    return verdict === undefined ? [] : `${name} ${verdict}`
  })
  return [
    ...(message === undefined ? [] : [`${message.size} octets`]),
    ...(made.length === 0 ? [] : [made.join(', ')]),
  ]
}

function rcptLine({ recipient, reply }: RcptAnswer): string[] {
  return [`${recipient}: ${reply === undefined ? 'accepted' : `refused, ${reply}`}`]
}

/** The rule and why; below it the condition that let it match. Others are in `why` already. */
function ruleLines(
  { name, matched, recipients, why, conditions = [] }: RuleTrace,
  width: number,
): string[] {
  const whom = matched ? ` (for ${recipients.join(', ')})` : ''
  const held = matched ? conditions.filter(({ result }) => result === 'true') : []
  return [
    `${matched ? 'yes' : 'no '}  ${name.padEnd(width)}  ${why}${whom}`,
    ...held.map(({ condition, because }) => `     as ${condition}; ${because}`),
  ]
}

function steps(
  plan: readonly PlanLine[],
  { disposition, reply, depends }: Explanation,
): string[][] {
  if (plan.length > 0) return plan.map((step, index) => [`${index + 1}. ${stepWords(step)}`])
  if (depends !== undefined || disposition !== 'accept' || reply === undefined) return [['nothing']]
  return [['nothing: the message is accepted and not kept']]
}

function stepWords(step: PlanLine): string {
  const { action, target } = describeStep({ ...step, scan: false })
  const whom = `(rule ${step.rule}, for ${step.recipients.join(', ')})`
  return `${action}${target === '' ? '' : ` to ${target}`}${details(step)} ${whom}`
}

function details({ action, notice }: PlanLine): string {
  if (notice) return ''
  if ('AddHeaderAction' in action) {
    const { HeaderName, HeaderValue } = action.AddHeaderAction
    return ` ${HeaderName}: ${HeaderValue}`
  }
  if ('BounceAction' in action) {
    const { SmtpReplyCode, StatusCode, Message } = action.BounceAction
    const words = [SmtpReplyCode, StatusCode, Message]
      .filter((each) => each !== undefined)
      .join(' ')
    return `, ${words}${tooLarge(words)}`
  }
  return ''
}

/** The reply that stands for an SNSAction which can't carry the message. SES: reference §7 */
function tooLarge(words: string): string {
  return words.startsWith('552 5.2.3')
    ? ' (an SNSAction can not carry more than notifications.maxContentBytes)'
    : ''
}

const remedies: Readonly<Record<Missing, string>> = {
  from: 'the reverse-path: give it with --from',
  helo: 'the HELO name: give it with --helo',
  ip: "the client's address: give it with --ip",
  message: 'the message: give it with --message FILE, or the id of one that is here',
  verdicts: 'verdicts: none is made here, give them with --verdict spam=FAIL dmarc=PASS …',
}

function remedy(missing: Missing): string[] {
  return [remedies[missing]]
}
