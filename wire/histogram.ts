// Counts lengths of time in buckets, as Prometheus wants them: plain numbers, cheap to add to, read only at a
// scrape. It reads no clock and knows nothing of metrics.

/** For lengths from a tenth of a millisecond to a day. */
export const boundsMs = [
  0.1, 0.25, 0.5, 1, 2.5, 5, 10, 25, 50, 100, 250, 500, 1_000, 2_500, 5_000, 10_000, 30_000, 60_000, 300_000,
  900_000, 3_600_000, 14_400_000, 86_400_000,
] as const

export class Histogram {
  /** For each bound, the lengths up to it and above the one before; the last counts those above all bounds. */
  readonly counts: number[] = Array<number>(boundsMs.length + 1).fill(0)
  sumMs = 0
  count = 0

  /** A clock that went back causes no negative lengths. */
  observe(ms: number, times = 1): void {
    const length = ms > 0 ? ms : 0
    let bucket = 0
    while (bucket < boundsMs.length && length > (boundsMs[bucket] as number)) bucket++
    this.counts[bucket] = (this.counts[bucket] as number) + times
    this.sumMs += length * times
    this.count += times
  }
}
