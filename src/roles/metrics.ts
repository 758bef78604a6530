/**
 * What /metrics shows (Prometheus). Gauges made when asked for, from the disk and from what the HTTP role
 * watches: they need no word from the other processes. Labels come from the configuration and the rule
 * files only, never from mail.
 */
import { Gauge, Registry } from 'prom-client'
import type { Zones } from '../filters/zones.ts'
import { messageIdTime } from '../mail/message-id.ts'
import { describeStep } from '../rules/describe.ts'
import { isHeld } from '../spool/progress.ts'
import type { Spool } from '../spool/spool.ts'
import { type Engines, enginesOf } from './engines.ts'
import type { RulesWatch } from './watch-rules.ts'

export type Watched = {
  readonly spool: Spool
  readonly zones: Zones
  readonly engines: Engines
  readonly rules: RulesWatch
}

export function registryOf({ spool, zones, engines, rules }: Watched): Registry {
  const registry = new Registry()
  addSpoolMetrics(registry, spool)
  addActionMetrics(registry, spool)
  addRuleMetrics(registry, rules)
  addZoneMetrics(registry, zones)
  addEngineMetrics(registry, engines)
  return registry
}

function addEngineMetrics(registry: Registry, engines: Engines): void {
  new Gauge({
    name: 'postern_engine_up',
    help: '1 when the virus scanner or spam filter answers, 0 when its verdicts are PROCESSING_FAILED.',
    labelNames: ['engine'],
    registers: [registry],
    async collect() {
      for (const [engine, { health }] of enginesOf(engines)) {
        this.set({ engine }, (await health()) === undefined ? 1 : 0)
      }
    },
  })
}

function addSpoolMetrics(registry: Registry, spool: Spool): void {
  const registers = [registry]
  // All gauges of a page are collected at once: one walk is for both of the spool's.
  let walking: ReturnType<typeof walk> | undefined
  const walked = (): ReturnType<typeof walk> => {
    walking ??= walk(spool).finally(() => {
      walking = undefined
    })
    return walking
  }
  new Gauge({
    name: 'postern_spool_oldest_seconds',
    help: 'Age of the oldest message that was accepted and is not delivered yet.',
    registers,
    async collect() {
      this.set((await walked()).oldestSeconds)
    },
  })
  new Gauge({
    name: 'postern_spool_messages',
    help: 'Messages that were accepted and are not delivered yet.',
    registers,
    async collect() {
      this.set((await walked()).count)
    },
  })
  new Gauge({
    name: 'postern_dead_letters',
    help: 'Messages that were given up and wait for the operator.',
    registers,
    async collect() {
      this.set((await spool.deadIds()).length)
    },
  })
  new Gauge({
    name: 'postern_corrupt_entries',
    help: 'Spool entries that could not be read and were moved aside.',
    registers,
    async collect() {
      this.set((await spool.corruptIds()).length)
    },
  })
}

/**
 * So many messages that wait, and dead letters, are opened for one page: those received first. Bounds what
 * a scrape costs when a target has been away for long.
 */
const maxOpened = 2000

function addActionMetrics(registry: Registry, spool: Spool): void {
  const gauge = (name: string, help: string, read: () => Promise<ActionCount[]>) =>
    new Gauge({
      name,
      help: `${help} Of the ${maxOpened} messages received first.`,
      labelNames: ['rule', 'action'],
      registers: [registry],
      async collect() {
        // What is not failing any more has no line any more.
        this.reset()
        for (const { rule, action } of await read()) this.inc({ rule, action })
      },
    })
  gauge(
    'postern_dead_actions',
    'Actions that were given up and hold a dead letter, by rule and action.',
    async () => failuresOf(spool, await spool.deadIds(), 'dead'),
  )
  gauge(
    'postern_failing_actions',
    'Actions that have failed and wait for another try, by rule and action.',
    async () => failuresOf(spool, await spool.begunIds(), 'queue'),
  )
}

type ActionCount = { readonly rule: string; readonly action: string }

async function failuresOf(
  spool: Spool,
  ids: readonly string[],
  where: 'queue' | 'dead',
): Promise<ActionCount[]> {
  const found: ActionCount[] = []
  for (const id of ids.slice(0, maxOpened)) {
    const failures = Object.entries((await spool.progress(id, where)).failures).filter(
      ([, each]) => (where === 'dead' ? isHeld(each) : each.next !== undefined),
    )
    if (failures.length === 0) continue
    // One that is done meanwhile, or can't be read, is counted elsewhere.
    const entry = await spool.read(id, where).catch(() => undefined)
    await entry?.close()
    for (const [index] of failures) {
      const step = entry?.record.plan[Number(index)]
      if (step !== undefined) found.push(describeStep(step))
    }
  }
  return found
}

function addRuleMetrics(registry: Registry, rules: RulesWatch): void {
  const registers = [registry]
  new Gauge({
    name: 'postern_rules_ok',
    help: '1 when the rule files can be used, 0 when the rules before them stay in force.',
    registers,
    async collect() {
      this.set((await rules.trouble()) === undefined ? 1 : 0)
    },
  })
  new Gauge({
    name: 'postern_rules_loaded_timestamp_seconds',
    help: 'When the rule files were read last and could be used, in seconds since 1970.',
    registers,
    async collect() {
      this.set((await rules.loadedAt()) / 1000)
    },
  })
}

function addZoneMetrics(registry: Registry, zones: Zones): void {
  new Gauge({
    name: 'postern_dnsbl_zone_up',
    help: 'Whether the DNS list answers as it should and is used: 1, or 0 while it is switched off.',
    labelNames: ['zone'],
    registers: [registry],
    collect() {
      // One that is not tried yet is neither.
      for (const { zone, up, reason } of zones.states()) {
        if (up || reason !== undefined) this.set({ zone }, up ? 1 : 0)
      }
    },
  })
}

async function walk(
  spool: Spool,
): Promise<{ readonly count: number; readonly oldestSeconds: number }> {
  let count = 0
  let first = Number.POSITIVE_INFINITY
  for await (const id of spool.ids()) {
    count += 1
    first = Math.min(first, messageIdTime(id))
  }
  return { count, oldestSeconds: count === 0 ? 0 : Math.max(0, Date.now() - first) / 1000 }
}
