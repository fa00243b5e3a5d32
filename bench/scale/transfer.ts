// What it costs to bring a new backup up to the state: time, bytes, pauses of the primary, and the
// throughput that remains; and how long no client is served when the primary dies with this state.

import { setTimeout as pause } from 'node:timers/promises'
import type { Scrape } from '../../test/fixtures/scrape.ts'
import { Probe } from '../probe.ts'
import { startLoad } from '../workers.ts'
import type { MeasuredCluster } from './cluster.ts'
import { bytesReadBy } from './heap.ts'

export interface Transfer {
  /** From the first chunk until the backup held the whole snapshot. */
  readonly transferMs: number
  readonly bytes: number
  readonly longestPauseMs: number
}

export interface LoadedTransfer extends Omit<Transfer, 'bytes'> {
  readonly pairsPerSecondBefore: number
  /** From the death of the old backup until the new one was in sync. */
  readonly pairsPerSecondMeanwhile: number
}

const outstanding = 1_024
const warmUpMs = 1_500
const baseMs = 2_000

/** Kills the backup, so that the idle server takes its place. */
export async function transferIdle(cluster: MeasuredCluster): Promise<Transfer> {
  const { primary, backup, idle } = await cluster.roles()
  const before = await cluster.metricsOf(primary)
  const readBefore = bytesReadBy(idle.pid)
  await cluster.processes.kill(backup.address)
  await cluster.inSync(idle)
  const after = await cluster.metricsOf(primary)
  const bytes = bytesReadBy(idle.pid) - readBefore
  await cluster.processes.restart(backup.address)
  return { transferMs: transferMs(before, after), bytes, longestPauseMs: longestPauseMs(after) }
}

export async function transferLoaded(cluster: MeasuredCluster): Promise<LoadedTransfer> {
  const { primary, backup, idle } = await cluster.roles()
  const load = await startLoad({
    target: 'holdfast.js',
    address: cluster.viewUrl,
    outstanding,
    keys: 'distinct',
    worker: 0,
  })
  try {
    await pause(warmUpMs)
    const first = await timed(cluster.metricsOf(primary))
    await pause(baseMs)
    const before = await timed(cluster.metricsOf(primary))
    await cluster.processes.kill(backup.address)
    await cluster.inSync(idle)
    const after = await timed(cluster.metricsOf(primary))
    return {
      transferMs: transferMs(before.scrape, after.scrape),
      longestPauseMs: longestPauseMs(after.scrape),
      pairsPerSecondBefore: rate(first, before),
      pairsPerSecondMeanwhile: rate(before, after),
    }
  } finally {
    await load[Symbol.asyncDispose]()
    await cluster.processes.restart(backup.address)
  }
}

/** From the primary's death to the next grant, in ms. */
export async function promotionMs(cluster: MeasuredCluster): Promise<number> {
  const { primary } = await cluster.roles()
  await using probe = await Probe.start(cluster.viewUrl)
  const watched = probe.gap()
  await cluster.processes.kill(primary.address)
  const { nextGrantMs } = await watched
  await cluster.processes.restart(primary.address)
  return nextGrantMs
}

interface Timed {
  readonly scrape: Scrape
  readonly at: number
}

async function timed(asked: Promise<Scrape>): Promise<Timed> {
  return { scrape: await asked, at: performance.now() }
}

function rate(from: Timed, to: Timed): number {
  const granted = ({ scrape }: Timed) =>
    scrape.value('holdfast_operations_total', '{operation="acquire",outcome="granted"}')
  return ((granted(to) - granted(from)) * 1_000) / (to.at - from.at)
}

function transferMs(before: Scrape, after: Scrape): number {
  const sum = (scrape: Scrape) => scrape.value('holdfast_state_transfer_seconds', '_sum')
  return (sum(after) - sum(before)) * 1_000
}

/** Since the last scrape. */
function longestPauseMs(scrape: Scrape): number {
  return scrape.value('holdfast_event_loop_delay_max_seconds') * 1_000
}
