/**
 * How large a rule set may be. SES's limits (200 rules, 10 actions, 100 recipients; reference §1.1)
 * are only defaults here, and higher. Whoever passes others has checked that they are numbers.
 */
export type RuleLimits = {
  /** Octets of a rule-set file: a wrong file (a log, a mailbox) is refused before it is parsed. */
  readonly maxFileBytes: number
  /** Rules per set: a generator that runs away is noticed before memory is gone. */
  readonly maxRules: number
  /** Actions per rule: one message must not turn into any number of objects. */
  readonly maxActionsPerRule: number
  /** Recipients per rule. */
  readonly maxRecipientsPerRule: number
  /** YAML aliases followed: a few lines of nested aliases can stand for billions of values. */
  readonly maxAliases: number
}

export const defaultRuleLimits: RuleLimits = {
  maxFileBytes: 16 * 1024 * 1024,
  maxRules: 10_000,
  maxActionsPerRule: 100,
  maxRecipientsPerRule: 10_000,
  maxAliases: 100,
}
