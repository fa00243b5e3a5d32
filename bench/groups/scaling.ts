// How pairs, their cost and their latency change with the number of groups, when every lock server has the same fixed
// share of a core: as if each had a machine of its own. And what has no part in it, or does not grow.

import { setTimeout as pause } from 'node:timers/promises'
import { cpuUsOf } from '../cpu.ts'
import { median } from '../pairs.ts'
import { numberIn } from '../proc.ts'
import type { Service } from '../target.ts'
import { type Outcome, runLoad } from '../workers.ts'
import { GroupsCluster } from './cluster.ts'
import { type Share, shareOf } from './shares.ts'

export interface ScalingOptions {
  /** Numbers of groups, the smallest first. */
  readonly groups: readonly number[]
  readonly runs: number
  readonly countMs: number
  /** What all lock servers of the largest cluster get together. */
  readonly cores: number
  /** Null: there are no cgroups, so each server takes what it gets. */
  readonly share: Share | null
  readonly progress: (text: string) => void
}

/** Medians over the runs. */
export interface ScalingRow {
  readonly groups: number
  readonly pairsPerSecond: number
  /** Of so many times the pairs of a group in the first row: 1 is in proportion. */
  readonly ofProportional: number
  readonly acquireMs: { readonly p50: number; readonly p99: number }
  /** By role; all primaries together, and so on. */
  readonly cpuUsPerPair: Readonly<Record<string, number>>
  /** The part of its share that a primary used; null: there is no share. */
  readonly shareUsed: number | null
  /** Messages to the view server beyond those that come at rest, for each pair. */
  readonly viewServerMessagesPerPair: number
  /** At rest, in percent of a core for each lock server. */
  readonly viewServerCpuPerServer: number
  /** Of one name that 64 callers want. */
  readonly hotGrantsPerSecond: number
}

type Sample = Omit<ScalingRow, 'ofProportional'>

/** For each group: enough that its primary always has something to do. */
const outstandingPerGroup = 1_024

/** The same share for every server of every cluster, so that the largest has all of `cores`. */
export function sharePerServer({ groups, cores }: Pick<ScalingOptions, 'groups' | 'cores'>): Share {
  return shareOf(cores / (2 * Math.max(...groups)))
}

export async function measureScaling(options: ScalingOptions): Promise<ScalingRow[]> {
  const samples = new Map<number, Sample[]>(options.groups.map(groups => [groups, []]))
  for (let run = 1; run <= options.runs; run++)
    for (const groups of options.groups) {
      options.progress(`run ${run} of ${options.runs}: ${groups} ${groups === 1 ? 'group' : 'groups'}`)
      samples.get(groups)?.push(await measureOnce(groups, options))
    }
  const rows = [...samples.values()].map(middleOf)
  const perGroup = rows[0] === undefined ? Number.NaN : rows[0].pairsPerSecond / rows[0].groups
  return rows.map(row => ({ ...row, ofProportional: row.pairsPerSecond / (row.groups * perGroup) }))
}

async function measureOnce(groups: number, { countMs, share }: ScalingOptions): Promise<Sample> {
  await using cluster = await GroupsCluster.start(groups)
  const { viewServerPid } = cluster.processes
  const service = await cluster.service()
  const load = { keys: 'distinct', workers: 1, prefixes: cluster.prefixes, countMs } as const
  const outstanding = outstandingPerGroup * groups
  // Servers that have compiled their code already.
  await runLoad(service, { ...load, outstanding, countMs: Math.min(countMs, 2_000) })
  if (share !== null) await cluster.limit(share)
  const rest = await watch(viewServerPid, pause(countMs))
  const { outcome, messagesPerSecond } = await underLoad(service, viewServerPid, { ...load, outstanding })
  const hot = await runLoad(service, { ...load, keys: 'hot', workers: 2, outstanding: 64 })
  const { pairsPerSecond, latencies, cpuUsPerPair } = outcome
  return {
    groups,
    pairsPerSecond,
    acquireMs: { p50: latencies.quantile(0.5), p99: latencies.quantile(0.99) },
    cpuUsPerPair,
    shareUsed: share === null ? null : primaryCores(outcome) / groups / (share.quotaUs / share.periodUs),
    viewServerMessagesPerPair: (messagesPerSecond - rest.messagesPerSecond) / pairsPerSecond,
    viewServerCpuPerServer: (100 * rest.cores) / cluster.servers,
    hotGrantsPerSecond: hot.pairsPerSecond,
  }
}

/** Only what the view server gets while the load is counted: sessions are opened before. */
async function underLoad(service: Service, viewServerPid: number, load: Parameters<typeof runLoad>[1]) {
  const counted = pause(load.countMs * 1.1).then(() => watch(viewServerPid, pause(load.countMs * 0.8)))
  const outcome = await runLoad(service, load)
  const { messagesPerSecond } = await counted
  return { outcome, messagesPerSecond }
}

/** Each of its reads takes what has come on one connection: a ping, unless several have come since. */
async function watch(pid: number, until: Promise<unknown>) {
  const [began, cpuUs, reads] = [performance.now(), cpuUsOf(pid), numberIn(pid, 'io', 'syscr')]
  await until
  const seconds = (performance.now() - began) / 1_000
  return {
    messagesPerSecond: (numberIn(pid, 'io', 'syscr') - reads) / seconds,
    cores: (cpuUsOf(pid) - cpuUs) / seconds / 1e6,
  }
}

function primaryCores({ pairsPerSecond, cpuUsPerPair }: Outcome): number {
  return (pairsPerSecond * (cpuUsPerPair.primary ?? Number.NaN)) / 1e6
}

function middleOf(samples: readonly Sample[]): Sample {
  const middle = (value: (sample: Sample) => number) => median(samples.map(value))
  const roles = Object.keys(samples[0]?.cpuUsPerPair ?? {})
  return {
    groups: samples[0]?.groups ?? 0,
    pairsPerSecond: middle(sample => sample.pairsPerSecond),
    acquireMs: { p50: middle(sample => sample.acquireMs.p50), p99: middle(sample => sample.acquireMs.p99) },
    cpuUsPerPair: Object.fromEntries(
      roles.map(role => [role, middle(sample => sample.cpuUsPerPair[role] ?? Number.NaN)]),
    ),
    shareUsed: samples[0]?.shareUsed === null ? null : middle(sample => sample.shareUsed ?? Number.NaN),
    viewServerMessagesPerPair: middle(sample => sample.viewServerMessagesPerPair),
    viewServerCpuPerServer: middle(sample => sample.viewServerCpuPerServer),
    hotGrantsPerSecond: middle(sample => sample.hotGrantsPerSecond),
  }
}
