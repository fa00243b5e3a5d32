// The same cluster with more and more locks held, and another with more and more sessions connected.

import { setTimeout as pause } from 'node:timers/promises'
import { renewPart, restLeaseMs } from '../../wire/limits.ts'
import { cpuUsOf } from '../cpu.ts'
import { median } from '../pairs.ts'
import { MeasuredCluster } from './cluster.ts'
import { Crowd } from './crowd.ts'
import type { Memory } from './heap.ts'
import { type LoadedTransfer, promotionMs, type Transfer, transferIdle, transferLoaded } from './transfer.ts'

export interface ScaleOptions {
  /** At most this many locks, and this many sessions. */
  readonly max: number
  readonly runs: number
  readonly progress: (text: string) => void
}

interface Sized {
  /** Held locks, or connected sessions. */
  readonly size: number
  readonly primary: Memory
  readonly backup: Memory
  /** From the death of the primary to the next grant. */
  readonly promotionMs: number
}

export interface LocksRow extends Sized {
  readonly idle: Transfer
  /** Null when the state is too small to measure. */
  readonly loaded: LoadedTransfer | null
}

export interface SessionsRow extends Sized {
  /** In percent of one core, while no client asks for anything. */
  readonly primaryCpuPercent: number
  readonly backupCpuPercent: number
  readonly viewServerCpuPercent: number
  /** The primary's CPU, once each session also holds a lock; only for the largest size, null for the others. */
  readonly holdingCpuPercent: number | null
}

const lockSizes = [0, 1_000, 10_000, 100_000, 1_000_000]
const sessionSizes = [0, 100, 1_000, 5_000, 15_000]
const locksPerSession = 100_000
/** Below this many locks a transfer is over before a load notices it. */
const loadedFrom = 10_000
const locksTtlMs = 60_000
const sessionsTtlMs = 10_000
const sessionProcesses = 2
/** Long enough for each session to renew once, also one that holds nothing. */
const cpuMs = restLeaseMs(sessionsTtlMs) * renewPart

/** Twice the time in which resting sessions come over. */
const overWithinMs = 2 * cpuMs

export async function measureLocks(options: ScaleOptions): Promise<LocksRow[]> {
  await using cluster = await MeasuredCluster.start()
  await using crowd = new Crowd(cluster.viewUrl, locksTtlMs)
  return await rowsOf(lockSizes, options, async size => {
    const told = (what: string) => options.progress(`${size.toLocaleString('en')} locks: ${what}`)
    told('acquire')
    await crowd.grow({ sessions: Math.ceil(size / locksPerSession) || 1, locks: size })
    const memory = await memories(cluster, 'holdfast_locks_held', size)
    told('transfer')
    const idle = medians(await again(options.runs, () => transferIdle(cluster)))
    if (size >= loadedFrom) told('transfer under load')
    const loaded =
      size < loadedFrom ? null : medians(await again(options.runs, () => transferLoaded(cluster)))
    told('promote')
    return { size, ...memory, idle, loaded, ...(await promotions(cluster, options.runs)) }
  })
}

export async function measureSessions(options: ScaleOptions): Promise<SessionsRow[]> {
  await using cluster = await MeasuredCluster.start()
  await using crowd = new Crowd(cluster.viewUrl, sessionsTtlMs, sessionProcesses)
  const most = sessionSizes.findLast(size => size <= options.max)
  return await rowsOf(sessionSizes, options, async size => {
    options.progress(`${size.toLocaleString('en')} sessions`)
    await crowd.grow({ sessions: size, locks: 0 })
    await allOver(cluster, size)
    const memory = await memories(cluster, 'holdfast_sessions', size)
    const cpu = await idleCpu(cluster)
    if (size === most) await crowd.grow({ sessions: size, locks: size })
    const holdingCpuPercent = size === most ? (await idleCpu(cluster)).primaryCpuPercent : null
    return { size, ...memory, ...cpu, holdingCpuPercent, ...(await promotions(cluster, options.runs)) }
  })
}

/** One result for each size. If a size fails, it reports the error and returns the results before it. */
async function rowsOf<Row>(
  sizes: readonly number[],
  { max, progress }: ScaleOptions,
  measure: (size: number) => Promise<Row>,
): Promise<Row[]> {
  const rows: Row[] = []
  for (const size of sizes.filter(size => size <= max)) {
    try {
      rows.push(await measure(size))
    } catch (error) {
      progress(`no figures for ${size.toLocaleString('en')} and more: ${String(error)}`)
      process.exitCode = 1
      break
    }
  }
  return rows
}

/** The memory of both servers, once they really have this many locks or sessions. */
async function memories(cluster: MeasuredCluster, metric: string, size: number) {
  const { primary, backup } = await cluster.roles()
  const has = (await cluster.metricsOf(primary)).value(metric)
  if (has !== size) throw new Error(`${metric} is ${has}, not ${size}`)
  return { primary: await cluster.memoryOf(primary), backup: await cluster.memoryOf(backup) }
}

/** Resting sessions take their time to come over to a new primary. */
async function allOver(cluster: MeasuredCluster, sessions: number): Promise<void> {
  const { primary } = await cluster.roles()
  for (const end = performance.now() + overWithinMs; performance.now() < end; await pause(1_000)) {
    if ((await cluster.metricsOf(primary)).value('holdfast_clients') >= sessions) return
  }
  throw new Error(`not all ${sessions} sessions have come over to the primary`)
}

async function idleCpu(cluster: MeasuredCluster) {
  const { primary, backup } = await cluster.roles()
  const pids = [primary.pid, backup.pid, cluster.processes.viewServerPid]
  const before = pids.map(cpuUsOf)
  await pause(cpuMs)
  const [first = Number.NaN, second = Number.NaN, third = Number.NaN] = pids.map(
    (pid, i) => (cpuUsOf(pid) - (before[i] as number)) / (cpuMs * 10),
  )
  return { primaryCpuPercent: first, backupCpuPercent: second, viewServerCpuPercent: third }
}

async function promotions(cluster: MeasuredCluster, runs: number) {
  return { promotionMs: median(await again(runs, () => promotionMs(cluster))) }
}

async function again<T>(runs: number, measure: () => Promise<T>): Promise<T[]> {
  const all: T[] = []
  for (let run = 0; run < runs; run++) all.push(await measure())
  return all
}

/** The median of each field by itself. */
function medians<T extends object>(all: readonly T[]): T {
  const [first] = all
  if (first === undefined) throw new Error('nothing was measured')
  const fields = Object.keys(first) as (keyof T)[]
  return Object.fromEntries(fields.map(field => [field, median(all.map(each => Number(each[field])))])) as T
}
