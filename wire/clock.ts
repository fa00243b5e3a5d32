// The one file that reads the time. Cores receive an Instant, drivers a runtime that makes them, so that
// whole clusters can run on a simulated clock.

/** One reading of both clocks, in milliseconds. */
export interface Instant {
  /** Never goes back and is no date; stands still while the machine is suspended. */
  readonly monotonic: number
  /** Since 1970; may jump. */
  readonly wall: number
}

export function readClock(): Instant {
  return { monotonic: performance.now(), wall: Date.now() }
}

/** The monotonic clock alone. */
export function readMonotonic(): number {
  return performance.now()
}
