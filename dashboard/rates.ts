// Rates and percentiles from counts since a server's start: the difference between two answers. It reads no
// clock and draws nothing.

import type { Buckets, Latency, Stats } from './answers.ts'

export interface Sample {
  /** The server of these counts; those of another server can't be compared. */
  readonly of: string
  readonly atMs: number
  readonly stats: Stats
}

export interface Rates {
  /** Operations and grants a second. */
  readonly operations: number
  readonly grants: number
}

export const parts = [0.5, 0.9, 0.99] as const

/** Null when the two can't be compared: another primary, or a restarted one. */
export function ratesOf(before: Sample, after: Sample): Rates | null {
  if (!areComparable(before, after)) return null
  const seconds = (after.atMs - before.atMs) / 1_000
  const grown = total(after.stats) - total(before.stats)
  return { operations: grown / seconds, grants: (granted(after.stats) - granted(before.stats)) / seconds }
}

/** What 50, 90 and 99 % of the latencies in between did not exceed, in ms; null when there were none. */
export function percentilesOf(before: Sample, after: Sample, latency: Latency): readonly number[] | null {
  if (!areComparable(before, after)) return null
  const between = difference(before.stats[latency], after.stats[latency])
  const count = between.reduce((sum, n) => sum + n, 0)
  return count === 0 ? null : parts.map(part => percentile(between, after.stats.boundsMs, part * count))
}

function areComparable(before: Sample, after: Sample): boolean {
  if (before.of !== after.of || after.atMs <= before.atMs) return false
  return total(after.stats) >= total(before.stats)
}

function total({ operations }: Stats): number {
  return Object.values(operations).reduce((sum, n) => sum + n, 0)
}

function granted({ operations }: Stats): number {
  return operations['acquire granted'] ?? 0
}

function difference(before: Buckets, after: Buckets): number[] {
  return after.counts.map((count, i) => Math.max(0, count - (before.counts[i] ?? 0)))
}

/** Interpolated within its bucket, as if all values were spread evenly in it. */
function percentile(counts: readonly number[], bounds: readonly number[], rank: number): number {
  let below = 0
  for (const [i, count] of counts.entries()) {
    if (count > 0 && below + count >= rank) {
      const from = bounds[i - 1] ?? 0
      const to = bounds[i] ?? from
      return from + ((to - from) * (rank - below)) / count
    }
    below += count
  }
  return bounds.at(-1) ?? 0
}
