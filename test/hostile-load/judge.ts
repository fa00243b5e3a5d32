// Decides which limits a run of a scenario broke. Pure.

import type { Report } from './observer.ts'
import { fullFrom, longestTurnMax, type Outcome, p99Max, rssMax, type Scenario, turnMax } from './scenario.ts'

/** The longest of one server, in ms: its turn by the CPU time of its main thread, and a collection, which is no part of that. */
export interface Turns {
  readonly turnMs: number
  readonly collectionMs: number
}

export interface Run {
  readonly scenario: Scenario
  readonly report: Report
  /** Of the servers, in the order of the report. */
  readonly turns: readonly Turns[]
  readonly outcome: Outcome
  /** Share of all cores' time that all processes together used, 0 to 1. */
  readonly busy: number
  /** Names of servers that ended without being killed by the scenario. */
  readonly died: readonly string[]
}

/** A prober without an answer for longer than this at the end counts as no longer served. */
const unservedMax = 2_000

export function percentile(sorted: readonly number[], part: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * part))] ?? 0
}

export function turnOf({ turns }: Run): number {
  return Math.max(...turns.map(({ turnMs }) => turnMs))
}

/** All cores are busy, and not because a server worked on one thing for long. */
export function coresFull(run: Run): boolean {
  return run.busy > fullFrom && turnOf(run) < turnMax
}

export function complaints(run: Run): string[] {
  const { scenario, report, outcome, died } = run
  const found: string[] = [...(outcome.wrong ?? [])]
  if (report.views > 0 && !scenario.death) found.push(`${report.views} views without a death`)
  if (report.failed.length > 0) found.push(`the prober's calls failed: ${report.failed.join(', ')}`)
  if (report.sinceServedMs > unservedMax)
    found.push(`the prober was not served for the last ${Math.round(report.sinceServedMs)} ms`)
  for (const name of died) found.push(`the ${name} ended`)
  const p99 = percentile(report.calls, 0.99)
  if (p99 > p99Max && !coresFull(run)) found.push(`p99 of the prober ${Math.round(p99)} ms, not ${p99Max}`)
  if (scenario.longestTurn && turnOf(run) > longestTurnMax && run.busy <= fullFrom)
    found.push(`a turn of ${turnOf(run).toFixed(1)} ms of CPU time, not ${longestTurnMax}`)
  if (!scenario.largeState) found.push(...tooLarge(report))
  return found
}

function tooLarge(report: Report): string[] {
  return report.servers
    .filter(server => server.rssMb > rssMax)
    .map(server => `RSS of the ${server.name} ${Math.round(server.rssMb)} MiB, not ${rssMax}`)
}
