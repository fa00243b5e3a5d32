// How long syncs took, and how long the one that is under way takes, for status and metrics. It reads no clock.

import { Histogram } from '../../../wire/histogram.ts'

const keptMax = 512

export class SyncTimes {
  readonly histogram = new Histogram()
  readonly #times: number[] = []
  #next = 0
  /** On the monotonic clock; null: there was none. */
  last: number | null = null
  /** When those that are under way began, oldest first. */
  readonly #begun: number[] = []

  begin(now: number): void {
    this.#begun.push(now)
  }

  /** Of the one that began then. */
  end(startedAt: number, now: number): void {
    this.#begun.splice(this.#begun.indexOf(startedAt), 1)
    this.#times[this.#next] = now - startedAt
    this.#next = (this.#next + 1) % keptMax
    this.histogram.observe(now - startedAt)
    this.last = now
  }

  unsyncedMs(now: number): number {
    return Math.max(0, Math.round(now - (this.#begun[0] ?? now)))
  }

  /** Of the last few hundred, the times in µs that these parts of them did not pass; null: there was none. */
  quantiles(...parts: readonly number[]): (number | null)[] {
    const sorted = [...this.#times].sort((a, b) => a - b)
    return parts.map(part => {
      const ms = sorted[Math.min(sorted.length - 1, Math.floor(part * sorted.length))]
      return ms === undefined ? null : Math.max(0, Math.round(ms * 1_000))
    })
  }
}
