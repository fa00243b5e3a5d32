// The one file that reads the time. Cores receive an Instant, drivers a runtime that makes them, so that
// whole clusters can run on a simulated clock.

/** One reading of both clocks, in milliseconds. */
export interface Instant {
  /** Never goes back and is no date; stands still while the machine is suspended. */
  readonly monotonic: number
  /** Since 1970; may jump. */
  readonly wall: number
}

// Both as they are when this file is loaded: a test that fakes the time later must not stop the clock of a lease.
const wallNow = Date.now
const monotonicNow = performance.now.bind(performance)

export function readClock(): Instant {
  return { monotonic: monotonicNow(), wall: wallNow() }
}

/** The monotonic clock alone. */
export function readMonotonic(): number {
  return monotonicNow()
}
