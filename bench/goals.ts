/** The ratios of a run, and what they are to be. */

export type Goal = {
  readonly what: string
  readonly goal: number
  /** Else at least. */
  readonly atMost?: true
}

export const goals = {
  accept_vs_haraka_4k: { what: 'taking mail / bare Haraka, which discards, 4 KiB', goal: 0.8 },
  accept_vs_haraka_64k: { what: 'taking mail / bare Haraka, which discards, 64 KiB', goal: 0.8 },
  accept_vs_postfix_4k: { what: 'taking mail / Postfix, which checks nothing, 4 KiB', goal: 1 },
  accept_vs_postfix_64k: { what: 'taking mail / Postfix, which checks nothing, 64 KiB', goal: 1 },
  accept_kept_vs_postfix_4k: { what: 'the same, kept connections, 4 KiB', goal: 1.4 },
  accept_kept_vs_postfix_64k: { what: 'the same, kept connections, 64 KiB', goal: 1.4 },
  e2e_vs_haraka_64k: { what: 'sealed and stored, sustained / bare Haraka, 64 KiB', goal: 0.5 },
  equal_checks_vs_postfix_rspamd_clamd_64k: {
    what: 'with clamd and rspamd / Postfix with the same, 64 KiB',
    goal: 1.2,
  },
  seal_vs_raw_64k: { what: 'sealing / its primitives alone, 64 KiB', goal: 0.7 },
  rules_100k_vs_100: {
    what: 'rules: cost with 100 000 patterns / with 100',
    goal: 2,
    atMost: true,
  },
} as const satisfies Readonly<Record<string, Goal>>

export type RatioName = keyof typeof goals

export const ratioNames = Object.keys(goals) as readonly RatioName[]

export function meets({ goal, atMost }: Goal, value: number): boolean {
  return atMost ? value <= goal : value >= goal
}
