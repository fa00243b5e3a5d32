// How long the last syncs took, for status and metrics.

const keptMax = 512

export class SyncTimes {
  readonly #times: number[] = []
  #next = 0
  count = 0
  /** On the monotonic clock; null: there was none. */
  last: number | null = null

  note(startedAt: number, now: number): void {
    this.#times[this.#next] = now - startedAt
    this.#next = (this.#next + 1) % keptMax
    this.count++
    this.last = now
  }

  /** Of the last few hundred, the time that this part of them did not pass; null: there was none. */
  quantile(part: number): number | null {
    const sorted = [...this.#times].sort((a, b) => a - b)
    return sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))] ?? null
  }
}
