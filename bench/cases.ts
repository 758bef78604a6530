/** What is measured beside what: groups of servers that are up together, and the loads they get in turns. */
import type { Load } from './load.ts'

export type ServerName = 'haraka' | 'haraka tuned' | 'postern' | 'postfix'

/** What is on besides. */
export type Extra = 'tls' | 'engines'

export type LoadCase = Load & {
  readonly rounds: number
  /** Left out by `--quick`. */
  readonly full?: true
  /** Postern's rate over another's, by its name in `ratios`. */
  readonly ratios?: Readonly<Record<string, ServerName>>
}

export type Group = {
  /** `--only` selects by it. */
  readonly name: string
  readonly servers: readonly ServerName[]
  /** SMTP processes of Haraka and of Postern. */
  readonly processes: 1 | 2
  readonly extra?: Extra
  readonly loads: readonly LoadCase[]
}

const KiB = 1024
const fresh = { sessions: 16, kept: false }
const kept = { sessions: 16, kept: true }

export const groups: readonly Group[] = [
  {
    name: 'accept',
    servers: ['haraka', 'haraka tuned', 'postern', 'postfix'],
    processes: 1,
    loads: [
      {
        ...{ ...fresh, octets: 4 * KiB, rounds: 7 },
        ratios: { accept_vs_haraka_4k: 'haraka', accept_vs_postfix_4k: 'postfix' },
      },
      {
        ...{ ...fresh, octets: 64 * KiB, rounds: 7 },
        ratios: { accept_vs_haraka_64k: 'haraka', accept_vs_postfix_64k: 'postfix' },
      },
      {
        ...{ ...kept, octets: 4 * KiB, rounds: 7 },
        ratios: { accept_kept_vs_postfix_4k: 'postfix' },
      },
      {
        ...{ ...kept, octets: 64 * KiB, rounds: 7 },
        ratios: { accept_kept_vs_postfix_64k: 'postfix' },
      },
      { ...fresh, octets: 1024 * KiB, rounds: 3, full: true },
      { ...fresh, sessions: 1, octets: 64 * KiB, rounds: 3, full: true },
      { ...fresh, sessions: 64, octets: 64 * KiB, rounds: 3, full: true },
    ],
  },
  {
    name: 'engines',
    servers: ['postern', 'postfix'],
    processes: 1,
    extra: 'engines',
    loads: [
      {
        ...{ ...fresh, octets: 64 * KiB, rounds: 5 },
        ratios: { equal_checks_vs_postfix_rspamd_clamd_64k: 'postfix' },
      },
    ],
  },
  {
    name: 'processes',
    servers: ['haraka', 'haraka tuned', 'postern'],
    processes: 2,
    loads: [
      { ...fresh, octets: 4 * KiB, rounds: 3, full: true },
      { ...fresh, octets: 64 * KiB, rounds: 3, full: true },
    ],
  },
  {
    name: 'tls',
    servers: ['haraka', 'postern', 'postfix'],
    processes: 1,
    extra: 'tls',
    loads: [
      { ...fresh, octets: 4 * KiB, rounds: 3, full: true },
      { ...kept, octets: 4 * KiB, rounds: 3, full: true },
    ],
  },
]
