/** What is measured beside what: groups of servers that are up together, and the loads they get in turns. */
import type { RatioName } from './goals.ts'
import type { Load } from './load.ts'

export type ServerName = 'haraka' | 'haraka cluster' | 'haraka tuned' | 'postern' | 'postfix'

export type LoadCase = Load & {
  readonly rounds: number
  readonly quickRounds?: number
  /** Postern's rate over another's, by its name in `ratios`. */
  readonly ratios?: Readonly<Partial<Record<RatioName, ServerName>>>
}

export type Group = {
  /** `--only` selects by it. */
  readonly name: string
  readonly servers: readonly ServerName[]
  /** SMTP processes of Postern; Haraka has one, as by default, and two in a cluster. */
  readonly processes: 1 | 2
  /** Whether clamd and rspamd are asked. */
  readonly scans?: true
  /** Left out by `--quick`. */
  readonly full?: true
  readonly loads: readonly LoadCase[]
}

const KiB = 1024
const fresh = { sessions: 16, kept: false }
const kept = { sessions: 16, kept: true }

/** The goals first: what comes last is left out where the time is over. */
export const groups: readonly Group[] = [
  {
    name: 'accept',
    servers: ['haraka', 'postern', 'postfix'],
    // One for each core of those that the goals are about, as docs/performance.md says; Postfix takes as many as it likes.
    processes: 2,
    loads: [
      {
        ...{ ...fresh, octets: 4 * KiB, rounds: 5, quickRounds: 5 },
        ratios: { accept_vs_haraka_4k: 'haraka', accept_vs_postfix_4k: 'postfix' },
      },
      {
        ...{ ...fresh, octets: 64 * KiB, rounds: 5, quickRounds: 5 },
        ratios: { accept_vs_haraka_64k: 'haraka', accept_vs_postfix_64k: 'postfix' },
      },
      {
        ...{ ...kept, octets: 4 * KiB, rounds: 5, quickRounds: 3 },
        ratios: { accept_kept_vs_postfix_4k: 'postfix' },
      },
      {
        ...{ ...kept, octets: 64 * KiB, rounds: 5, quickRounds: 3 },
        ratios: { accept_kept_vs_postfix_64k: 'postfix' },
      },
    ],
  },
  {
    name: 'engines',
    servers: ['postern', 'postfix'],
    processes: 1,
    scans: true,
    loads: [
      {
        ...{ ...fresh, octets: 64 * KiB, rounds: 7, quickRounds: 3 },
        ratios: { equal_checks_vs_postfix_rspamd_clamd_64k: 'postfix' },
      },
    ],
  },
  {
    name: 'sizes',
    servers: ['haraka', 'haraka tuned', 'postern', 'postfix'],
    processes: 1,
    full: true,
    loads: [
      { ...fresh, octets: 1024 * KiB, rounds: 2 },
      { ...fresh, sessions: 1, octets: 64 * KiB, rounds: 2 },
      { ...fresh, sessions: 64, octets: 64 * KiB, rounds: 2 },
    ],
  },
  {
    name: 'processes',
    servers: ['haraka', 'haraka cluster', 'postern'],
    processes: 1,
    full: true,
    loads: [
      { ...fresh, octets: 4 * KiB, rounds: 2 },
      { ...fresh, octets: 64 * KiB, rounds: 2 },
    ],
  },
  {
    name: 'tls',
    servers: ['haraka', 'postern', 'postfix'],
    processes: 1,
    full: true,
    loads: [
      { ...fresh, octets: 4 * KiB, rounds: 2, tls: true },
      { ...kept, octets: 4 * KiB, rounds: 2, tls: true },
    ],
  },
]
